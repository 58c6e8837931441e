"""The checker finds each fault that it is there to find, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import pytest

from tests.chaos.checker import PROMISES, Evidence, check, described
from tests.chaos.journal import Ended, Entry, Hurt, Op, Operation, Outcome, Replica, Standstill
from tests.chaos.plan import Kind, Part

_moments = count(1)
OK, REFUSED, UNKNOWN, ERROR = Outcome


def op(kind: Op, id: str = "one", outcome: Outcome = OK, **more: Any) -> Operation:
    """Each ten seconds after the last: nothing is under way beside it, and all before it has settled."""
    began = next(_moments) * 10.0
    told = {"began": began, "ended": began + 0.1, "deadline": 2.0, "door": "bus", **more}
    return Operation.model_validate({"op": kind, "id": id, "outcome": outcome, **told})


def registered(id: str = "one", epoch: int = 1, outcome: Outcome = OK, **more: Any) -> Operation:
    return op(Op.REGISTER, id, outcome, epoch=epoch, version=f"{epoch}.0.0", group="g", **more)


def left(id: str = "one", epoch: int | None = 1, outcome: Outcome = OK, **more: Any) -> Operation:
    return op(Op.LEAVE, id, outcome, epoch=epoch, **more)


def called(id: str = "call-1", outcome: Outcome = OK, **more: Any) -> Operation:
    return op(Op.CALL, id, outcome, **more)


def searched(*found: tuple[str, int], group: str = "g", **more: Any) -> Operation:
    shown = [(id, f"{epoch}.0.0", described(id, f"{epoch}.0.0")) for id, epoch in found]
    return op(Op.SEARCH, "", group=group, **{"found": shown, **more})


def held(id: str = "one", epoch: int = 1, status: str = "active", **more: str) -> Entry:
    version = f"{epoch}.0.0"
    told = {"version": version, "description": described(id, version), **more}
    return Entry(key=f"{id}.default", status=status, epoch=epoch, **told)


def broken(
    operations: Sequence[Operation],
    entries: Sequence[Entry] = (),
    executions: Mapping[str, int] | None = None,
    hurts: Sequence[Hurt] = (),
) -> dict[str, int]:
    """What the checker finds, where every directory shows what the registry holds."""
    live = [entry for entry in entries if entry.status in ("active", "stale")]
    shown = tuple((entry.key.partition(".")[0], entry.version) for entry in live)
    ended = Ended(entries=tuple(entries), replicas=(Replica(name="directory-1", shown=shown),), members=())
    return dict(check(Evidence(operations, hurts, executions or {}, ended)).counts)


def hurt(began: float, part: Part = Part.NODE, target: str = "omega-1", recovered: float | None = None) -> Hurt:
    ended = began + 1 if recovered is None else recovered
    return Hurt(label="x", part=part, kind=Kind.KILL, target=target, began=began, healed=began + 0.5, recovered=ended)


def test_a_life_by_the_rules_breaks_no_promise() -> None:
    history = [registered(), registered(epoch=2), left(epoch=2), registered(epoch=2, outcome=REFUSED, code="conflict")]
    assert broken([*history, searched()], [held(epoch=2, status="left")]) == {}


# registrations --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entries", [[], [held(status="left")], [held(status="expired")]])
def test_an_acknowledged_registration_that_is_not_there_is_lost(entries: list[Entry]) -> None:
    assert broken([registered()], entries) == {"lost": 1}


def test_a_registration_of_an_older_life_in_its_place_is_a_loss_too() -> None:
    assert broken([registered(), registered(epoch=2)], [held(epoch=1)]) == {"lost": 1}


def test_a_stale_one_is_not_lost() -> None:
    assert broken([registered()], [held(status="stale")]) == {}


def test_a_registration_of_unknown_outcome_may_be_there_or_not() -> None:
    assert broken([registered(outcome=UNKNOWN)], []) == {}
    assert broken([registered(outcome=UNKNOWN)], [held()]) == {}


def test_an_unknown_update_leaves_what_was_acknowledged_or_takes_its_place() -> None:
    history = [registered(), registered(epoch=2, outcome=UNKNOWN)]
    assert broken(history, [held(epoch=1)]) == {}
    assert broken(history, [held(epoch=2)]) == {}
    assert broken(history, []) == {"lost": 1}


def test_an_acknowledged_leave_that_is_undone_is_found() -> None:
    assert broken([registered(), left()], [held()]) == {"undone": 1}


def test_an_unknown_leave_without_an_epoch_may_end_a_later_life() -> None:
    history = [registered(), left(epoch=None, outcome=UNKNOWN), registered(epoch=2)]
    assert broken(history, [held(epoch=2, status="left")]) == {}


def test_an_unknown_leave_with_an_epoch_may_not() -> None:
    history = [registered(), left(outcome=UNKNOWN), registered(epoch=2)]
    assert broken(history, [held(epoch=2, status="left")]) == {"lost": 1}


def test_a_registration_called_not_executed_and_stored_all_the_same_is_found() -> None:
    assert broken([registered(), registered(epoch=2, outcome=REFUSED)], [held(epoch=2)]) == {"misreported": 1}


def test_a_leave_called_not_executed_and_stored_all_the_same_is_found() -> None:
    history = [registered(), left(outcome=REFUSED, code="storage_unavailable")]
    assert broken(history, [held(status="left")]) == {"misreported": 1}


def test_a_registration_that_was_taken_after_its_life_had_left_is_found() -> None:
    found = broken([registered(), left(), registered()], [held()])
    assert found == {"impossible": 1}


def test_a_registration_refused_for_a_later_life_that_never_was_is_found() -> None:
    assert broken([registered(), registered(epoch=2, outcome=REFUSED, code="conflict")], [held()]) == {"impossible": 1}
    history = [registered(), left(outcome=UNKNOWN), registered(outcome=REFUSED, code="conflict")]
    assert broken(history, [held(status="left")]) == {}


def test_a_leave_that_is_told_of_nobody_where_somebody_was_is_found() -> None:
    found = broken([registered(), left(outcome=REFUSED, code="unknown_member")], [held()])
    assert found == {"impossible": 1}


def test_other_data_than_was_registered_is_found() -> None:
    assert broken([registered()], [held(description="another's")]) == {"wrong": 1}
    assert broken([], [held("nobody")]) == {"wrong": 1}


# calls ----------------------------------------------------------------------------------------------------------------


def test_a_call_that_ran_twice_is_found_unless_it_may() -> None:
    assert broken([called()], executions={"call-1": 2}) == {"double": 1}
    assert broken([called(outcome=UNKNOWN)], executions={"call-1": 2}) == {"double": 1}
    assert broken([called(safe=True)], executions={"call-1": 2}) == {}


def test_an_answer_without_an_execution_is_found() -> None:
    assert broken([called()]) == {"phantom": 1}


def test_an_answer_of_other_content_is_found() -> None:
    assert broken([called(right=False)], executions={"call-1": 1}) == {"content": 1}


@pytest.mark.parametrize("safe", [True, False])
def test_a_call_that_ran_and_was_called_not_executed_is_found(safe: bool) -> None:
    assert broken([called(outcome=REFUSED, safe=safe)], executions={"call-1": 1}) == {"executed": 1}


def test_a_call_of_unknown_outcome_may_have_run_or_not() -> None:
    assert broken([called(outcome=UNKNOWN)]) == {}
    assert broken([called(outcome=UNKNOWN)], executions={"call-1": 1}) == {}


# searches -------------------------------------------------------------------------------------------------------------


def test_a_search_that_misses_a_member_is_found() -> None:
    assert broken([registered(), searched()], [held()]) == {"missing": 1}
    assert broken([registered(), registered(epoch=2), searched(("one", 1))], [held(epoch=2)]) == {"missing": 1}


def test_a_look_for_a_member_that_is_told_of_nobody_is_found() -> None:
    for kind in (Op.SEARCH, Op.HEARTBEAT):
        history = [registered(), op(kind, "one", REFUSED, code="unknown_member")]
        assert broken(history, [held()]) == {"missing": 1}


def test_a_search_that_misses_one_while_a_node_is_hurt_is_not_held_against_it() -> None:
    first, search = registered(), searched()
    assert broken([first, search], [held()], hurts=[hurt(search.began - 1)]) == {}
    assert broken([first, search], [held()], hurts=[hurt(search.began - 1, Part.MEMBER)]) == {"missing": 1}


def test_a_search_that_shows_one_that_had_left_is_found() -> None:
    assert broken([registered(), left(), searched(("one", 1))], [held(status="left")]) == {"gone": 1}


def test_a_search_is_not_held_to_what_was_changing_meanwhile() -> None:
    first = registered()
    search = searched()
    at_once = first.model_copy(update={"began": search.began - 1.0, "ended": search.began - 0.9})
    assert broken([at_once, search], [held()]) == {}


def test_members_that_never_were_and_data_that_nobody_sent_are_found() -> None:
    assert broken([searched(("nobody", 1), group="h")]) == {"invented": 1}
    assert broken([registered(), searched(("one", 2), group="h")], [held()]) == {"invented": 1}
    told = searched(found=[("one", "1.0.0", "another's")])
    assert broken([registered(), told.model_copy(update={"began": 1e6, "ended": 1e6})], [held()]) == {"invented": 1}


# bounds and the end ---------------------------------------------------------------------------------------------------


def test_an_operation_that_outlasts_its_deadline_is_found() -> None:
    slow = registered(outcome=UNKNOWN)
    slow = slow.model_copy(update={"ended": slow.began + 3.5})
    assert broken([slow]) == {"hung": 1}
    assert broken([slow], hurts=[hurt(slow.began + 1, target="bus")]) == {}


def test_time_in_which_its_client_stood_still_counts_for_no_deadline() -> None:
    slow = registered(outcome=UNKNOWN)
    slow = slow.model_copy(update={"ended": slow.began + 3.5})
    ended = Ended(entries=(), replicas=(), members=())

    def found(*standstills: tuple[float, float]) -> dict[str, int]:
        told = [Standstill(began=slow.began + began, ended=slow.began + ended) for began, ended in standstills]
        return dict(check(Evidence([slow], [], {}, ended, told)).counts)

    assert found((-5, -1), (4, 9)) == {"hung": 1}
    assert found((-1, 0.2), (3.3, 9)) == {"hung": 1}
    assert found((-1, 0.4), (3.3, 9)) == {}


def test_an_internal_error_is_found() -> None:
    assert broken([called(outcome=ERROR, code="internal")]) == {"errors": 1}


def test_what_did_not_recover_is_found() -> None:
    lasting = hurt(1.0).model_copy(update={"recovered": None})
    assert broken([], hurts=[lasting]) == {"unrecovered": 1}


def test_a_directory_that_shows_something_else_is_found() -> None:
    ended = Ended(entries=(held(),), replicas=(Replica(name="directory-1", shown=()),), members=())
    assert dict(check(Evidence([registered()], [], {}, ended)).counts) == {"replicas": 1}


def test_a_member_that_is_not_active_in_the_end_is_found() -> None:
    entry = Entry(key="chaos_first.i1", status="stale", epoch=1, version="1.0.0", description="")
    shown = (("chaos_first", "1.0.0"),)
    ended = Ended(entries=(entry,), replicas=(Replica(name="directory-1", shown=shown),), members=("chaos_first.i1",))
    assert dict(check(Evidence([], [], {}, ended)).counts) == {"members": 1}


def test_every_promise_has_a_test_here_that_breaks_it() -> None:
    """`broken` above names them; this list is to be kept with it."""
    tested = {
        *("lost", "undone", "misreported", "wrong", "impossible"),
        *("double", "phantom", "executed", "content"),
        *("invented", "missing", "gone"),
        *("hung", "errors", "members", "replicas", "unrecovered"),
    }
    assert tested == set(PROMISES)
