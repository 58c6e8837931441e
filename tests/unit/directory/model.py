"""A directory of three replicas over one bucket, without a network, and the few lines that say what is right.

Each commit must be one that the model allows, each answer must have been true at some moment between question and
answer, and in the end every replica holds exactly what the bucket holds.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from bus.errors import Conflict, FederationError, Unavailable, Unknown, UnknownMember
from bus.kv import Entry
from bus.manifest import digest, read_manifest
from bus.messages import Heartbeat, Status
from bus.subjects import Instance
from directory.admission import Announcement, Outcome, admit, leave
from directory.due import Due, due_now, turning
from directory.index import Index
from directory.life import Beat, Rules, Verdict, revive
from directory.mirror import Mirror
from directory.record import Record
from directory.registry import Registry
from directory.store import Store, Stored
from directory.timetable import Timetable
from tests.support.bucket import MemoryBucket, run

INSTANCES = [Instance("alpha", "one"), Instance("alpha", "two")]
RULES = Rules(lease_factor=3, remove_after_s=300)
REPLICAS = 3
TOMBSTONE_S = 3_600


@dataclass(frozen=True, slots=True)
class Life:
    """What the model knows of an instance."""

    epoch: int
    digest: str
    status: Status

    @property
    def live(self) -> bool:
        return self.status in (Status.ACTIVE, Status.STALE)


@dataclass(frozen=True, slots=True)
class Register:
    who: Instance
    epoch: int | None
    manifest: str

    def becomes(self, life: Life | None) -> Life | None:
        """What is stored; the same object: nothing new; None: refused. An epoch of 0 is any that is high enough."""
        told = digest(manifest_of(self.who, self.manifest))
        fresh = Life(self.epoch or 0, told, Status.ACTIVE)
        if life is None:
            return fresh
        if self.epoch is None:
            return (
                replace(fresh, epoch=life.epoch)
                if life.live and not self._same(life, told)
                else (life if life.live else fresh)
            )
        first = life.epoch + 1 if life.status is Status.LEFT else life.epoch
        if self.epoch < first:
            return None
        return life if life.live and self.epoch == life.epoch and self._same(life, told) else fresh

    @staticmethod
    def _same(life: Life, told: str) -> bool:
        return life.digest == told and life.status is Status.ACTIVE


@dataclass(frozen=True, slots=True)
class Leave:
    who: Instance
    epoch: int | None

    def becomes(self, life: Life | None) -> Life | None:
        if life is None or not life.live or (self.epoch is not None and self.epoch < life.epoch):
            return None
        return replace(life, status=Status.LEFT)


@dataclass(frozen=True, slots=True)
class Turn:
    """A sweep's or a heartbeat's doing: only from the very state that was judged."""

    who: Instance
    judged: Life
    status: Status

    def becomes(self, life: Life | None) -> Life | None:
        return replace(life, status=self.status) if life == self.judged else life


Wish = Register | Leave | Turn


@dataclass(slots=True)
class Task:
    """Something under way at a replica."""

    replica: Replica
    work: Coroutine[Any, Any, Any]
    wish: Wish | None = None
    since: int = 0
    """How many states its instance had gone through when it began."""
    committed: bool = False


class NoText:
    """Ranked text is a view behind the registry; it has tests of its own."""

    def follow(self, _: object) -> None:
        pass


class Replica:
    """A replica's own decisions, without its network."""

    def __init__(self, bucket: MemoryBucket, clock: Callable[[], float]) -> None:
        self.index = Index(NoText(), clock)  # type: ignore[arg-type]
        self.mirror = Mirror(bucket, self.index, clock, bucket.make)
        self.store = Store(bucket, self.index, TOMBSTONE_S)
        self.timetable = Timetable()
        self.feed: list[Entry] = []
        self.heard: dict[Instance, float] = {}

    async def deliver(self, entry: Entry) -> None:
        if not await self.mirror.take(entry):
            await self.mirror.look()


def manifest_of(who: Instance, word: str) -> dict[str, Any]:
    return read_manifest({"name": word, "tags": [word]}, member=who.member)


def life_of(entry: Entry | None) -> Life | None:
    if entry is None or entry.value is None:
        return None
    record = Record.from_bytes(entry.value)
    return Life(record.epoch, record.digest, record.status)


@dataclass
class Federation:
    """Bucket, replicas, what is under way, and every state each instance went through."""

    now: float = 1_000.0
    tasks: list[Task] = field(default_factory=list)
    current: Task | None = None
    states: dict[str, list[Life | None]] = field(default_factory=lambda: {who.key: [None] for who in INSTANCES})
    by_hand: bool = False
    began: dict[str, float] = field(default_factory=dict)
    """When the life that an instance is in was registered."""
    ended: dict[str, int] = field(default_factory=dict)
    """The revision by which a key last came to hold nothing."""

    def __post_init__(self) -> None:
        self.bucket = MemoryBucket(self.clock)
        self.bucket.feeds.append(self.committed)
        self.replicas = [self.new_replica() for _ in range(REPLICAS)]

    def clock(self) -> float:
        return self.now

    def new_replica(self) -> Replica:
        replica = Replica(self.bucket, self.clock)
        run(replica.mirror.rebuild())
        return replica

    def restart(self, number: int) -> None:
        gone = self.replicas[number]
        for task in [task for task in self.tasks if task.replica is gone]:
            task.work.close()
            self.tasks.remove(task)
        self.replicas[number] = self.new_replica()

    # what happens -------------------------------------------------------------------------------------------------

    def committed(self, entry: Entry) -> None:
        """A write is in the bucket: it must be what was wished, of the state that it follows."""
        for replica in self.replicas:
            replica.feed.append(entry)
        before, after = self.states[entry.key][-1], life_of(entry)
        self.states[entry.key].append(after)
        self.same_life(entry, before, after)
        wish = self.current.wish if self.current else None
        if wish is None:
            self.by_itself(entry.key, before, after)
            return
        assert self.current is not None
        assert wish.who.key == entry.key
        expected = wish.becomes(before)
        assert expected is not None, f"{wish} was to be refused for {before}"
        assert expected is not before, f"{wish} was to change nothing of {before}"
        assert after is not None
        wanted = replace(expected, epoch=after.epoch) if expected.epoch == 0 else expected
        assert after == wanted, f"{wish} on {before}"
        assert expected.epoch or before is None or after.epoch >= before.epoch + (before.status is Status.LEFT)
        self.current.committed = True

    def by_itself(self, key: str, before: Life | None, after: Life | None) -> None:
        """Written by nobody's wish: a time to live was over, or a replica wrote back what the bucket lost."""
        if after is None:
            assert self.by_hand or before is None or not before.live, f"{before} was gone by itself"
        else:
            assert before is None, f"{before} was overwritten by {after}"
            assert after.live
            assert after in self.states[key], f"{after} was never stored"

    def same_life(self, entry: Entry, before: Life | None, after: Life | None) -> None:
        """A life keeps the time of its registration, whatever becomes of it."""
        if entry.value is None:
            self.ended[entry.key] = entry.revision
            return
        began = Record.from_bytes(entry.value).registered_at
        if before is not None and before.live and after is not None and after.epoch == before.epoch:
            assert began == self.began[entry.key], f"{before} became {after} and another life"
        self.began[entry.key] = began

    def lose(self) -> None:
        self.bucket.lose()
        for states in self.states.values():
            states.append(None)

    def empty(self) -> None:
        self.bucket.empty()
        for states in self.states.values():
            states.append(None)

    def vanish(self, who: Instance) -> None:
        self.bucket.vanish(who.key)
        self.states[who.key].append(None)

    def delete(self, who: Instance) -> None:
        self.by_hand = True
        self.bucket.delete(who.key)
        self.by_hand = False

    # what is under way --------------------------------------------------------------------------------------------

    def begin(self, replica: Replica, work: Coroutine[Any, Any, Any], wish: Wish | None = None) -> Task:
        since = len(self.states[wish.who.key]) - 1 if wish else 0
        task = Task(replica, work, wish, since)
        self.tasks.append(task)
        return task

    def step(self, task: Task) -> bool:
        """Let it go on until it waits again; False when it has ended."""
        self.current = task
        try:
            task.work.send(None)
        except StopIteration as end:
            self.answered(task, end.value)
        except FederationError as exc:
            self.refused(task, exc)
        else:
            return True
        finally:
            self.current = None
        self.tasks.remove(task)
        return False

    def finish(self, task: Task) -> None:
        while task in self.tasks and self.step(task):
            pass

    def answered(self, task: Task, value: Any) -> None:
        if task.wish is None or not isinstance(value, Stored):
            return
        assert value.written == task.committed
        self.is_here(task, value)
        if not value.written and not isinstance(task.wish, Turn):  # a sign of life is reason enough to turn nothing
            self.was_true(task, lambda life, wish: wish.becomes(life) in (None, life))
        if isinstance(task.wish, Register):
            assert value.record is not None
            task.replica.index.hear(task.wish.who)
            task.replica.heard[task.wish.who] = self.now

    def is_here(self, task: Task, stored: Stored) -> None:
        """What was written or read is in the index of who answers, unless its end has come there already."""
        assert task.wish is not None
        who, index = task.wish.who, task.replica.index
        held = index.registry.revision_of(who)
        if stored.record is not None:
            assert max(held, index.complete_to) >= stored.revision, f"{who} is not in the index at {stored.revision}"
        if stored.written and stored.revision < self.ended.get(who.key, 0) <= index.complete_to:
            assert held != stored.revision, f"{who} is in the index again after its end"

    def refused(self, task: Task, error: FederationError) -> None:
        if isinstance(error, Unavailable | Unknown):
            return
        assert isinstance(error, Conflict | UnknownMember)
        assert not task.committed
        self.was_true(task, lambda life, wish: wish.becomes(life) is None)

    def was_true(self, task: Task, told: Callable[[Life | None, Any], bool]) -> None:
        """The answer was true at some moment since the question."""
        wish = task.wish
        assert wish is not None
        states = self.states[wish.who.key][task.since :]
        assert any(told(life, wish) for life in states), f"{wish}: nothing of the kind in {states}"

    # requests -----------------------------------------------------------------------------------------------------

    def register(self, replica: Replica, wish: Register) -> Task:
        manifest = manifest_of(wish.who, wish.manifest)
        new = Announcement(wish.who, manifest, digest(manifest), wish.epoch)
        return self.begin(replica, replica.store.decide(wish.who, lambda held: self.admitted(held, new)), wish)

    def admitted(self, held: Record | None, new: Announcement) -> Record:
        admission = admit(held, new, self.now)
        assert (admission.outcome is Outcome.UNCHANGED) == (admission.record is held)
        return admission.record

    def leave(self, replica: Replica, wish: Leave) -> Task:
        return self.begin(replica, replica.store.decide(wish.who, lambda held: leave(held, self.now, wish.epoch)), wish)

    def beat(self, replica: Replica, who: Instance, told: Heartbeat) -> Task | None:
        record = replica.index.registry.record(who)
        beat = replica.index.weigh(who, told)
        if beat is Beat.RESYNC or record is None:
            return None
        replica.heard[who] = self.now
        if beat is not Beat.REVIVE:
            return None
        wish = Turn(who, Life(record.epoch, record.digest, Status.STALE), Status.ACTIVE)
        work = replica.store.decide(who, lambda held: revive(held, record.epoch, self.now))
        return self.begin(replica, work, wish)

    def turn(self, replica: Replica, due: Due) -> Task:
        silent = self.now - replica.heard.get(due.who, 0.0)
        assert silent > (90 if due.verdict is Verdict.SUSPECT else 300), f"{due.who} spoke {silent} s ago"
        judged = Life(due.record.epoch, due.record.digest, due.record.status)
        work = replica.store.decide(due.who, turning(due, replica.index, self.clock))
        return self.begin(replica, work, Turn(due.who, judged, due.becomes))

    def due(self, replica: Replica) -> list[Due]:
        return due_now(replica.index, replica.timetable, RULES, self.now)

    # the end ------------------------------------------------------------------------------------------------------

    def deliver_all(self) -> None:
        """Every repeated write arrives everywhere, in order."""
        for replica in self.replicas:
            while replica.feed:
                self.finish(self.begin(replica, replica.deliver(replica.feed.pop(0))))

    def settle(self) -> None:
        """Everything under way ends, and every replica looks at the bucket."""
        self.bucket.fault = None
        while self.tasks:
            self.finish(self.tasks[0])
        for replica in self.replicas * 2:
            replica.feed.clear()
            run(replica.mirror.look())

    def check(self) -> None:
        """Every replica holds exactly what the bucket holds, and the bucket what the model says."""
        held = {key: life_of(entry) for key, entry in self.bucket.entries.items()}
        assert {key: life for key, life in held.items() if life} == {
            key: states[-1] for key, states in self.states.items() if states[-1]
        }
        expected = registry_of(self.bucket)
        for replica in self.replicas:
            assert content(replica.index.registry) == content(expected)
            live = {who for who in INSTANCES if expected.record(who)}
            assert set(replica.index.leases.instances()) >= live

    def fall_silent(self) -> None:
        """Nobody says anything any more: all of them go."""
        for _ in range(12):
            self.now += 100
            self.bucket.pass_time()
            for replica in self.replicas:
                for due in self.due(replica):
                    self.finish(self.turn(replica, due))
            self.settle()
        assert [len(replica.index.registry) for replica in self.replicas] == [0] * REPLICAS
        assert not any(life and life.live for life in map(life_of, self.bucket.entries.values()))


def registry_of(bucket: MemoryBucket) -> Registry:
    registry = Registry()
    for entry in bucket.entries.values():
        if entry.value is not None:
            registry.apply(Record.from_bytes(entry.value), entry.revision)
    return registry


def content(registry: Registry) -> Any:
    """All that can be looked up in a registry."""
    members = registry.in_order("any")
    return (
        [(one.id, one.status, one.instances, one.tags) for one in members],
        [sorted(registry.tagged(tag)) for tag in ("plain", "fancy")],
        [[one.id for one in registry.in_order(status)] for status in ("active", "stale")],
        registry.tag_counts("any"),
        registry.instances,
    )
