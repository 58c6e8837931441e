"""The verdict: what was acknowledged against what is there, what was answered against what was executed. Pure.

It reads journals and nothing else, so a run can be judged again from its files. Each promise has one count, and each
count above zero its examples.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.journal import Ended, Hurt, Op, Operation, Outcome, Standstill
from tests.chaos.lives import ABSENT, ACTIVE, GONE_ALREADY, LEFT, Held, Life, judge, lives

SLACK_S = 1.0
"""How much later than its deadline an operation may end."""
SETTLED_S = 3.0
"""How long after its acknowledgement a change must be seen by every replica, in calm."""
CALM_AFTER_S = 3.0
EXAMPLES = 5

PROMISES = {
    "lost": "acknowledged registrations that are not there",
    "undone": "acknowledged leaves undone",
    "misreported": "registrations or leaves reported as not executed that were",
    "wrong": "records that nobody asked for so",
    "impossible": "answers about registrations that cannot be",
    "double": "non-idempotent calls executed more than once",
    "phantom": "calls answered and never executed",
    "executed": "calls reported as not executed that were",
    "content": "calls answered with a wrong result",
    "invented": "searches that showed a member or data that never existed",
    "missing": "searches in calm that missed an acknowledged member",
    "gone": "searches in calm that showed a member which had left",
    "hung": "operations that outlasted their deadline by more than a second",
    "errors": "operations that failed with an internal error",
    "members": "members that run and are not active in the end",
    "replicas": "directories that do not show what the registry holds",
    "unrecovered": "faults after which what was hurt did not serve again",
}


@dataclass(slots=True)
class Verdict:
    """How often each promise was broken, with examples."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def broken(self, promise: str, what: str) -> None:
        assert promise in PROMISES, promise
        self.counts[promise] += 1
        told = self.examples.setdefault(promise, [])
        if len(told) < EXAMPLES:
            told.append(what)

    @property
    def kept(self) -> bool:
        """Whether every promise was."""
        return not self.counts.total()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that a run wrote down."""

    operations: Sequence[Operation]
    hurts: Sequence[Hurt]
    executions: Mapping[str, int]
    ended: Ended
    standstills: Sequence[Standstill] = ()


def check(evidence: Evidence) -> Verdict:
    """The verdict on a run."""
    verdict = Verdict()
    _check_registry(evidence, verdict)
    _check_calls(evidence, verdict)
    _check_searches(evidence, verdict)
    _check_bounds(evidence, verdict)
    _check_end(evidence, verdict)
    return verdict


# the registry ---------------------------------------------------------------------------------------------------------


def _check_registry(evidence: Evidence, verdict: Verdict) -> None:
    held = {entry.key.partition(".")[0]: entry for entry in evidence.ended.entries if entry.key.endswith(".default")}
    known = lives(evidence.operations)
    for id, life in known.items():
        for fault in life.faults:
            verdict.broken("impossible", f"{id}: {fault}")
        entry = held.get(id)
        now = Held() if entry is None else Held(_status(entry.status), entry.epoch, entry.version)
        if (wrong := judge(life, now)) is not None:
            verdict.broken(wrong, f"{id}: acknowledged {life.sure}, held {now}")
        elif entry is not None and now.status == ACTIVE and entry.description != described(id, entry.version):
            verdict.broken("wrong", f"{id}: {entry.description!r} at version {entry.version}")
    for id in held.keys() - known.keys():
        verdict.broken("wrong", f"{id}: nobody registered it")


def described(id: str, version: str) -> str:
    """What the load writes into a manifest: data that belong to one version of one id."""
    return f"{id} at {version}"


def _status(status: str) -> str:
    """A lease that ended by the rules is no loss; a record that expired is."""
    return {"active": ACTIVE, "stale": ACTIVE, "left": LEFT}.get(status, ABSENT)


# calls ----------------------------------------------------------------------------------------------------------------


def _check_calls(evidence: Evidence, verdict: Verdict) -> None:
    for call in (one for one in evidence.operations if one.op is Op.CALL):
        times = evidence.executions.get(call.id, 0)
        if times > 1 and not call.safe:
            verdict.broken("double", f"{call.id} by {call.door}: {times} times, {call.outcome} {call.code}")
        if call.outcome is Outcome.OK and not times:
            verdict.broken("phantom", f"{call.id} by {call.door}")
        if call.outcome is Outcome.OK and not call.right:
            verdict.broken("content", f"{call.id} by {call.door}")
        if call.outcome is Outcome.REFUSED and times:
            verdict.broken("executed", f"{call.id} by {call.door}: {call.code}, safe: {call.safe}")


# searches -------------------------------------------------------------------------------------------------------------


class Timeline:
    """What was asked of the registry about each id, and when."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._asked: dict[str, list[Operation]] = defaultdict(list)
        self._group: dict[str, list[str]] = defaultdict(list)
        for one in operations:
            if one.op in (Op.REGISTER, Op.LEAVE):
                if one.id not in self._asked:
                    self._group[one.group].append(one.id)
                self._asked[one.id].append(one)
        for asked in self._asked.values():
            asked.sort(key=lambda one: one.began)

    def sent(self, id: str, version: str, until: float) -> bool:
        """Whether somebody registered that version of it before then."""
        return any(one.version == version and one.began <= until for one in self._asked.get(id, ()))

    def surely(self, id: str, began: float, ended: float) -> Held | None:
        """Its state all through a search and for some time before; None where that cannot be told."""
        asked = self._asked.get(id, ())
        earlier = [one for one in asked if one.ended < began - SETTLED_S]
        if not earlier or any(one not in earlier and one.began < ended for one in asked):
            return None
        life = Life(id)
        for one in earlier:
            life.follow(one)
        possible = life.possible()
        return next(iter(possible)) if len(possible) == 1 else None

    def ids(self, group: str) -> Sequence[str]:
        return self._group.get(group, ())


def _check_searches(evidence: Evidence, verdict: Verdict) -> None:
    timeline = Timeline(evidence.operations)
    calm = calm_of(evidence.hurts)
    for search in (one for one in evidence.operations if one.op is Op.SEARCH):
        if search.outcome is Outcome.OK:
            for id, version, description in search.found:
                if not timeline.sent(id, version, search.ended) or description != described(id, version):
                    verdict.broken("invented", f"{id} at {version} by {search.door}: {description!r}")
        if calm(search.began, search.ended):
            _check_in_calm(search, timeline, verdict)
    for beat in (one for one in evidence.operations if one.op is Op.HEARTBEAT and one.code == GONE_ALREADY):
        truth = timeline.surely(beat.id, beat.began, beat.ended)
        if truth is not None and truth.status == ACTIVE and calm(beat.began, beat.ended):
            verdict.broken("missing", f"{beat.id} by {beat.door} at {beat.began:.3f}: unknown by its heartbeat")


def _check_in_calm(search: Operation, timeline: Timeline, verdict: Verdict) -> None:
    shown = {id: version for id, version, _ in search.found}
    if search.outcome is not Outcome.OK and search.code != GONE_ALREADY:
        return
    for id in timeline.ids(search.group) if search.group else [search.id]:
        truth = timeline.surely(id, search.began, search.ended)
        if truth is None:
            continue
        told = f"{id} by {search.door} at {search.began:.3f}"
        if truth.status == ACTIVE and shown.get(id) != truth.version:
            verdict.broken("missing", f"{told}: acknowledged {truth.version}, shown {shown.get(id)}")
        if truth.status == LEFT and id in shown:
            verdict.broken("gone", f"{told}: it had left")


def calm_of(hurts: Iterable[Hurt]) -> Callable[[float, float], bool]:
    """Whether nothing but members was hurt from one moment to another, nor shortly before."""
    storms = [
        (hurt.began, (hurt.recovered or hurt.healed + 60) + CALM_AFTER_S) for hurt in hurts if not of_member(hurt)
    ]
    return lambda began, ended: not any(began < end and ended > start for start, end in storms)


def of_member(hurt: Hurt) -> bool:
    return hurt.part == "member"


# bounds and the end ---------------------------------------------------------------------------------------------------


def _check_bounds(evidence: Evidence, verdict: Verdict) -> None:
    for one in evidence.operations:
        took = one.ended - one.began - stood_still(one, evidence.standstills)
        if took > one.deadline + SLACK_S and not _door_was_hurt(one, evidence.hurts):
            verdict.broken("hung", f"{one.op} {one.id} by {one.door}: {took:.2f} s, allowed {one.deadline:g} s")
        if one.outcome is Outcome.ERROR:
            verdict.broken("errors", f"{one.op} {one.id} by {one.door} at {one.began:.3f}: {one.code}")
    for hurt in evidence.hurts:
        if hurt.recovered is None:
            verdict.broken("unrecovered", f"{hurt.label} of {hurt.target} at {hurt.began:.3f}")


def stood_still(one: Operation, standstills: Iterable[Standstill]) -> float:
    """Seconds of an operation in which its client had no time to look for the answer."""
    return sum(max(0.0, min(one.ended, still.ended) - max(one.began, still.began)) for still in standstills)


def _door_was_hurt(one: Operation, hurts: Iterable[Hurt]) -> bool:
    """A gateway that is frozen answers nobody in time; its client's own patience ends that."""
    return any(
        hurt.target == one.door and one.began < (hurt.recovered or hurt.healed + 60) and one.ended > hurt.began
        for hurt in hurts
    )


def _check_end(evidence: Evidence, verdict: Verdict) -> None:
    entries = {entry.key: entry for entry in evidence.ended.entries}
    for key in evidence.ended.members:
        if key not in entries or entries[key].status != "active":
            verdict.broken("members", f"{key}: {entries[key].status if key in entries else 'absent'}")
    truth = {(entry.key.partition(".")[0], entry.version) for entry in entries.values() if _shown(entry.status)}
    for replica in evidence.ended.replicas:
        if set(replica.shown) != truth:
            difference = sorted(truth ^ set(replica.shown))
            verdict.broken("replicas", f"{replica.name}: {len(difference)} differ: {difference[:4]}")


def _shown(status: str) -> bool:
    return status in ("active", "stale")
