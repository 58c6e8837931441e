"""A run as a page: the verdict first, then the figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.checker import PROMISES, Evidence, Verdict, calm_of, of_member
from tests.chaos.figures import (
    Spread,
    calm_gaps,
    counted,
    detection,
    false_alarms,
    rows,
    spread,
)
from tests.chaos.journal import Change, Op, Outcome
from tests.chaos.lives import RIGHTLY
from tests.chaos.plan import Kind


@dataclass(frozen=True, slots=True)
class Run:
    """What was run."""

    seed: int
    seconds: float
    """Of load, from its first operation to its last."""
    machine: str
    command: str
    left_out: int = 0


def page(run: Run, evidence: Evidence, changes: Sequence[Change], verdict: Verdict) -> str:
    """Markdown."""
    return "\n".join([*_head(run, evidence), *_promises(verdict), *_operations(evidence), *_faults(evidence, changes)])


def _head(run: Run, evidence: Evidence) -> Iterator[str]:
    total = len(evidence.operations)
    hurts = sum(not of_member(hurt) for hurt in evidence.hurts)
    yield f"`{run.command}`, {run.machine}."
    yield ""
    yield (
        f"Seed {run.seed}: {total:,} operations in {run.seconds:.0f} s ({total / max(run.seconds, 1):.0f} a second), "
        f"{hurts} faults of nodes, directories, gateways and network, {len(evidence.hurts) - hurts} of members, and "
        f"at the end all three nodes killed at once. {_acknowledged(evidence)}"
    )
    if run.left_out:
        yield f"{run.left_out:,} operations were left out, too many of their kind being under way."
    if stills := [still.ended - still.began for still in evidence.standstills]:
        yield (
            f"The process of the clients stood still {len(stills):,} times, {max(stills):.2f} s at most; that time "
            "counts for no deadline."
        )
    yield ""


def _acknowledged(evidence: Evidence) -> str:
    counts = counted(evidence.operations)
    registered, left = counts[Op.REGISTER][Outcome.OK], counts[Op.LEAVE][Outcome.OK]
    once = sum(one.op is Op.CALL and not one.safe for one in evidence.operations)
    return (
        f"{registered:,} registrations and {left:,} leaves were acknowledged; {once:,} calls were of a tool that must "
        f"not run twice; the members wrote down {sum(evidence.executions.values()):,} executions."
    )


def _promises(verdict: Verdict) -> Iterator[str]:
    yield "| checked | broken |"
    yield "|---|---|"
    for promise, words in PROMISES.items():
        yield f"| {words} | {verdict.counts[promise]} |"
    yield ""
    for promise, examples in verdict.examples.items():
        for example in examples:
            yield f"- {promise}: {example}"
    if verdict.examples:
        yield ""


def _operations(evidence: Evidence) -> Iterator[str]:
    quiet = calm_gaps(evidence.operations, evidence.hurts)
    yield "| operation | ok | rightly refused | not executed | unknown | error | longest without a success in calm, s |"
    yield "|---|---|---|---|---|---|---|"
    for op, counts in counted(evidence.operations).items():
        rightly = sum(one.op is op and one.code in RIGHTLY for one in evidence.operations)
        refused = counts[Outcome.REFUSED] - rightly
        told = (counts[Outcome.OK], rightly, refused, counts[Outcome.UNKNOWN], counts[Outcome.ERROR])
        yield f"| {op} | {' | '.join(f'{number:,}' for number in told)} | {quiet[op]:.2f} |"
    yield ""


def _faults(evidence: Evidence, changes: Sequence[Change]) -> Iterator[str]:
    yield "The longest time without one success of each kind, over all faults of a kind, in seconds; what did not"
    yield "succeed of all that was asked meanwhile; and how long after the cause had ended everything served again. For"
    yield "members only those faults count during which nothing else was hurt."
    yield ""
    yield "| fault | times | " + " | ".join(Op) + " | not ok | recovery, median | longest |"
    yield "|---|---|" + "---|" * (len(Op) + 3)
    for row in rows(evidence.operations, evidence.hurts):
        gaps = " | ".join(f"{row.gaps[op]:.2f}" if row.gaps else "–" for op in Op)
        yield f"| {row.label} | {row.times} | {gaps} | {row.failed:,} | {_pair(row.recovery)} |"
    yield ""
    yield from _detection(evidence, changes)


def _detection(evidence: Evidence, changes: Sequence[Change]) -> Iterator[str]:
    yield "| until the registry calls a member stale | times | median s | p99 s | longest s |"
    yield "|---|---|---|---|---|"
    calm = calm_of(evidence.hurts)
    for kind in (Kind.KILL, Kind.FREEZE):
        every = detection(changes, evidence.hurts, kind)
        quiet = [hurt for hurt in evidence.hurts if of_member(hurt) and calm(hurt.began, hurt.healed)]
        for words, values in {"": every, ", nothing else hurt": detection(changes, quiet, kind)}.items():
            yield f"| {kind}{words} | {_all(spread(values))} |"
    yield ""
    in_calm, in_storm = false_alarms(changes, evidence.hurts)
    yield f"Called stale although nobody had hurt it: {in_calm} times in calm, {in_storm} times while its way was hurt."


def _pair(measured: Spread | None) -> str:
    return f"{measured.median:.2f} | {measured.longest:.2f}" if measured else "– | –"


def _all(measured: Spread | None) -> str:
    if measured is None:
        return "0 | – | – | –"
    return f"{measured.count} | {measured.median:.2f} | {measured.p99:.2f} | {measured.longest:.2f}"


def between(text: str, marks: tuple[str, str], body: str) -> str:
    """`text` with `body` between its two marks. Raises ValueError where they are not there."""
    start, end = marks
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"no {start} … {end}")
    return f"{before}{start}\n\n{body.strip()}\n\n{end}{after}"
