"""When a member is left alone, and when it is tried again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bus.breaker import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, SPACING_S, Breaker, Verdict


def opened(at: float = 100.0) -> Breaker:
    """One that opened at that time."""
    breaker = Breaker()
    for number in range(FAILURES):
        assert breaker.ask(at) is Verdict.SEND
        breaker.failed(at - (FAILURES - 1 - number) * SPACING_S)
    return breaker


def test_enough_failures_in_a_row_open_it() -> None:
    assert opened(100.0).ask(100.0) is Verdict.REFUSE


def test_a_success_between_starts_the_count_again() -> None:
    breaker = Breaker()
    for second in range(FAILURES * 4):
        breaker.failed(float(second * 2))
        if second % (FAILURES - 1) == FAILURES - 2:
            breaker.succeeded()
    assert breaker.ask(1_000) is Verdict.SEND


def test_an_instance_that_takes_a_hundred_calls_with_it_is_one_failure() -> None:
    breaker = Breaker()
    for number in range(100):
        breaker.failed(5.0 + number / 1_000)
    assert breaker.failures == 1 and breaker.ask(6.0) is Verdict.SEND


def test_after_the_pause_one_call_finds_out_and_the_others_wait_for_its_word() -> None:
    breaker = opened(100.0)
    later = 100.0 + FIRST_PAUSE_S
    assert [breaker.ask(later) for _ in range(3)] == [Verdict.TRY, Verdict.REFUSE, Verdict.REFUSE]
    breaker.succeeded()
    assert breaker.ask(later) is Verdict.SEND


def test_each_trial_that_fails_doubles_the_pause_up_to_a_bound() -> None:
    breaker, now = opened(100.0), 100.0
    pauses = []
    for _ in range(8):
        now += breaker.seconds_left(now)
        assert breaker.ask(now) is Verdict.TRY
        breaker.failed(now)
        pauses.append(breaker.seconds_left(now))
    assert pauses == [2.0, 4.0, 8.0, 16.0] + [LONGEST_PAUSE_S] * 4


def test_a_trial_that_tells_nothing_leaves_room_for_another() -> None:
    breaker = opened(100.0)
    assert breaker.ask(102.0) is Verdict.TRY
    breaker.untold()
    assert breaker.ask(102.0) is Verdict.TRY


@given(st.lists(st.sampled_from(["succeeded", "failed", "untold", "wait", "ask"]), max_size=80))
def test_whatever_happens_it_lets_a_call_through_within_the_longest_pause(events: list[str]) -> None:
    breaker, now = Breaker(), 0.0
    for event in events:
        match event:
            case "failed":
                breaker.failed(now)
            case "succeeded":
                breaker.succeeded()
            case "untold":
                breaker.untold()
            case "ask":
                breaker.ask(now)
            case _:
                now += SPACING_S
    breaker.untold()  # whoever was trying has come back
    assert breaker.ask(now + LONGEST_PAUSE_S) is not Verdict.REFUSE
