"""What is made of a server's silence and of its losses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.adapters.liveness import Liveness
from members.adapters.rules import Behind, Losses, Rules

RULES = Rules(child_patience_s=30, check_patience_s=5, excuse_s=120, stopped_s=10)
CHANCE = st.floats(0, 1, exclude_max=True)


def silent(behind: Behind = Behind.CHILD) -> Liveness:
    """A server heard at 0 and asked for a sign of life at 10."""
    life = Liveness(RULES, behind, 0.0)
    life.asked(0)
    life.answered(0)
    life.asked(10)
    return life


def test_an_idle_server_that_owes_a_sign_is_given_up_when_the_patience_is_over() -> None:
    for behind, patience in ((Behind.CHILD, 30), (Behind.URL, 5)):
        life = silent(behind)
        assert life.given_up(10 + patience - 0.1, stopped=False) == ""
        assert "answered nothing" in life.given_up(10 + patience, stopped=False)


def test_nobody_is_given_up_who_was_not_asked() -> None:
    assert Liveness(RULES, Behind.CHILD, 0.0).given_up(1e6, stopped=True) == ""


def test_a_child_that_never_answered_a_ping_is_not_given_up_for_that() -> None:
    life = Liveness(RULES, Behind.CHILD, 0.0)
    life.asked(0)
    assert life.given_up(1e6, stopped=False) == ""
    assert life.given_up(1e6, stopped=True)


def test_a_long_call_excuses_a_child_until_it_ends_and_the_patience_begins_then() -> None:
    life = silent()
    call = life.began()
    assert life.given_up(500, stopped=False) == ""
    life.ended(call, 600)
    assert life.given_up(629, stopped=False) == ""
    assert life.given_up(630, stopped=False)


def test_calls_behind_the_one_it_may_be_at_work_on_excuse_nothing() -> None:
    life = silent()
    first = life.began()
    life.began()
    life.ended(first, 60)
    life.began()
    assert not life.excused
    assert life.given_up(90, stopped=False)


def test_whatever_it_says_makes_every_open_call_an_excuse_again() -> None:
    life = silent()
    first, second = life.began(), life.began()
    life.heard(50)
    life.ended(first, 60)
    assert life.excused
    life.ended(second, 70)
    life.heard(70)
    assert not life.excused
    life.began()
    assert life.excused


def test_a_url_is_excused_for_so_long_only() -> None:
    life = silent(Behind.URL)
    life.began()
    assert life.given_up(129, stopped=False) == ""
    assert life.given_up(130, stopped=False)


def test_a_stopped_child_is_excused_by_nothing() -> None:
    life = silent()
    life.began()
    assert life.given_up(19, stopped=True) == ""
    assert "signal" in life.given_up(20, stopped=True)


def test_time_in_which_this_process_stood_still_does_not_count() -> None:
    life = silent()
    life.overslept(1_000)
    assert life.given_up(1_039, stopped=False) == ""
    assert life.given_up(1_040, stopped=False)


@given(st.sampled_from(Behind), st.integers(1, 10_000), CHANCE)
def test_a_pause_lies_anywhere_between_half_the_first_and_its_bound(behind: Behind, losses: int, chance: float) -> None:
    rules = Rules()
    bound = rules.hopeless_pause_s if behind is Behind.CHILD and losses > rules.many_losses else rules.longest_pause_s
    assert rules.first_pause_s / 2 <= rules.pause_s(behind, losses, chance) <= bound
    if losses > 1:
        assert rules.pause_s(behind, losses, 0.9) > 2 * rules.pause_s(behind, losses, 0.1)


def test_pauses_double_and_a_child_that_crashes_on_and_on_waits_longer_than_a_url() -> None:
    rules = Rules()
    children = [rules.pause_s(Behind.CHILD, losses, 1.0) for losses in (1, 2, 3, 10, 11, 99)]
    assert children == pytest.approx([0.2, 0.4, 0.8, 15, 60, 60])
    assert rules.pause_s(Behind.URL, 99, 1.0) == pytest.approx(15)


def test_losses_count_on_and_begin_anew_in_a_row_after_a_good_while() -> None:
    rules, losses = Rules(), Losses()
    for lasted_s, in_a_row in ((0.0, 1), (19.0, 2), (0.1, 3), (20.0, 1), (3.0, 2)):
        losses = losses.one_more("exit 1", lasted_s=lasted_s, rules=rules)
        assert losses.in_a_row == in_a_row
    assert (losses.count, losses.last) == (5, "exit 1")
