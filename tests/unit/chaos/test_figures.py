"""The figures of a run: interruptions, detection and recovery, from what was written down."""

from __future__ import annotations

from tests.chaos.figures import Successes, detection, false_alarms, rows, spread
from tests.chaos.journal import Change, Hurt, Op, Operation, Outcome
from tests.chaos.plan import Kind


def call(at: float, outcome: Outcome = Outcome.OK) -> Operation:
    return Operation(
        op=Op.CALL, door="bus", id=f"call-{at}", began=at - 0.1, ended=at, deadline=2, outcome=outcome, found=()
    )


def hurt(began: float, healed: float, recovered: float, *, part: str = "directory", kind: str = "kill -9") -> Hurt:
    target = "chaos_first.i1" if part == "member" else "directory-1"
    return Hurt(
        label=f"{part}: {kind}",
        part=part,
        kind=kind,
        target=target,
        began=began,
        healed=healed,
        recovered=recovered,
    )


def change(at: float, status: str, key: str = "chaos_first.i1") -> Change:
    return Change(key=key, revision=int(at * 10), at=at, status=status, epoch=1)


def test_an_interruption_is_the_longest_time_without_a_success_within_its_window() -> None:
    successes = Successes([call(at) for at in (1, 2, 3, 7, 8)] + [call(5, Outcome.UNKNOWN)])
    assert successes.gap(Op.CALL, 1, 8) == 4
    assert successes.gap(Op.CALL, 2, 6) == 3
    assert successes.gap(Op.SEARCH, 2, 6) == 4


def test_a_row_tells_the_worst_of_its_kind_and_how_soon_all_was_well() -> None:
    calls = [call(at / 2) for at in range(80) if not 10 < at / 2 < 12]
    (row,) = rows(calls, [hurt(10, 11, 12.5), hurt(30, 31, 31.5)])
    assert row.times == 2
    assert row.gaps is not None
    assert row.gaps[Op.CALL] == 2
    assert row.recovery is not None
    assert (row.recovery.median, row.recovery.longest) == (0.5, 1.5)


def test_an_interruption_by_the_next_fault_is_not_this_ones() -> None:
    calls = [call(at / 2) for at in range(80) if not 13 < at / 2 < 18]
    first, second = rows(calls, [hurt(10, 11, 11.5, kind="SIGSTOP"), hurt(13, 14, 18)])
    assert first.gaps is not None
    assert second.gaps is not None
    assert first.gaps[Op.CALL] == 0.5
    assert second.gaps[Op.CALL] == 5


def test_members_hurt_beside_something_else_say_nothing_of_their_own_interruptions() -> None:
    (_, row) = rows([call(1)], [hurt(10, 11, 12), hurt(11, 12, 13, part="member")])
    assert row.gaps is None
    assert row.recovery is not None


def test_a_death_is_known_when_its_member_is_first_called_stale() -> None:
    changes = [change(5, "stale"), change(6, "active"), change(10.3, "stale"), change(10.4, "stale", "other.i1")]
    assert [round(one, 1) for one in detection(changes, [hurt(10, 12, 14, part="member")], Kind.KILL)] == [0.3]
    assert detection(changes, [hurt(10, 12, 14, part="member")], Kind.FREEZE) == []


def test_one_that_was_healed_before_it_was_known_is_left_out() -> None:
    assert detection([change(10.3, "stale")], [hurt(10, 10.2, 14, part="member")], Kind.KILL) == []


def test_an_instance_called_stale_though_nobody_hurt_it_is_a_false_alarm() -> None:
    hurts = [hurt(10, 12, 14, part="member"), hurt(30, 31, 32)]
    assert false_alarms([change(11, "stale")], hurts) == (0, 0)
    assert false_alarms([change(25, "stale")], hurts) == (1, 0)
    assert false_alarms([change(31, "stale", "other.i1")], hurts) == (0, 1)


def test_a_spread_names_its_median_and_its_99th() -> None:
    measured = spread(float(number) for number in range(1, 201))
    assert measured is not None
    assert (measured.count, measured.median, measured.p99, measured.longest) == (200, 100, 198, 200)
    assert spread([]) is None
