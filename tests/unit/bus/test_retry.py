"""Which calls are sent again."""

from __future__ import annotations

import pytest

from bus.errors import (
    Broken,
    Busy,
    Cancelled,
    DeadlineExceeded,
    Disconnected,
    FederationError,
    MemberFailing,
    MemberLost,
    NoInstance,
    OutcomeUnknown,
    Refused,
    leaves,
)
from bus.retry import ATTEMPTS, SHORTEST_S, for_the_next_hop, may_repeat


def refused_unstarted() -> Busy:
    """The refusal of an instance whose slots are all taken."""
    busy = Busy()
    busy.unexecuted = True
    return busy


@pytest.mark.parametrize("error", [NoInstance(), refused_unstarted()])
@pytest.mark.parametrize("safe", [True, False])
def test_what_was_not_executed_goes_elsewhere(error: FederationError, safe: bool) -> None:
    assert may_repeat(error, attempt=1, safe=safe, left=10)


def test_a_tool_that_says_busy_by_itself_has_run() -> None:
    assert not may_repeat(Busy(), attempt=1, safe=False, left=10)


def test_a_call_whose_instance_died_goes_elsewhere_only_where_it_may_run_twice() -> None:
    assert may_repeat(MemberLost(), attempt=1, safe=True, left=10)
    assert not may_repeat(MemberLost(), attempt=1, safe=False, left=10)


def test_nothing_else_is_ever_sent_again() -> None:
    others = [kind for kind in leaves().values() if not issubclass(kind, NoInstance | MemberLost)]
    assert {DeadlineExceeded, Cancelled, OutcomeUnknown, Disconnected, MemberFailing, Refused, Broken} <= set(others)
    assert not [kind for kind in others if may_repeat(kind(), attempt=1, safe=True, left=10)]


@pytest.mark.parametrize("error", [NoInstance(), refused_unstarted(), MemberLost()])
def test_attempts_and_time_are_bounded(error: FederationError) -> None:
    assert not may_repeat(error, attempt=ATTEMPTS, safe=True, left=10)
    assert not may_repeat(error, attempt=1, safe=True, left=SHORTEST_S / 2)


@pytest.mark.parametrize(("left", "told"), [(100.0, 99.75), (1.0, 0.95), (0.1, 0.095)])
def test_each_hop_tells_the_next_less_than_it_has(left: float, told: float) -> None:
    assert for_the_next_hop(left) == pytest.approx(told)
