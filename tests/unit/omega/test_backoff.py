"""Whether a process that ended is started again, and when: every case of the decision."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega.handshake import Exit
from omega.supervisor.backoff import HOPELESS, Again, Ended, GiveUp, RestartPolicy, decide

POLICY = RestartPolicy(first_s=0.5, factor=2.0, longest_s=10.0, stable_s=20.0, jitter=0.2)


def ended(code: int | None = 1, *, ran_s: float = 0.1, was_ready: bool = False, note: str = "") -> Ended:
    return Ended(code, ran_s, was_ready, note)


def pause(failures: int, *, chance: float = 0.0, how: Ended | None = None) -> float:
    decision = decide(POLICY, how or ended(), failures=failures, chance=chance)
    assert isinstance(decision, Again)
    return decision.after_s


def test_the_first_end_is_followed_by_the_first_pause() -> None:
    assert decide(POLICY, ended(), failures=0, chance=0.0) == Again(0.5, 1)


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0.5), (1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 10.0)])
def test_each_end_in_a_row_doubles_the_pause_up_to_the_longest(failures: int, seconds: float) -> None:
    assert pause(failures) == seconds


def test_thousands_of_ends_do_not_overflow() -> None:
    assert pause(100_000) == POLICY.longest_s


def test_chance_takes_off_no_more_than_the_jitter() -> None:
    assert pause(1, chance=0.999) == pytest.approx(0.8, abs=0.001)


def test_a_long_good_life_starts_the_count_anew() -> None:
    decision = decide(POLICY, ended(ran_s=20.0, was_ready=True), failures=7, chance=0.0)
    assert decision == Again(0.5, 1)


def test_a_long_life_that_never_was_ready_is_no_good_life() -> None:
    decision = decide(POLICY, ended(ran_s=60.0), failures=2, chance=0.0)
    assert decision == Again(2.0, 3)


def test_a_short_ready_life_counts_on() -> None:
    decision = decide(POLICY, ended(ran_s=19.9, was_ready=True), failures=2, chance=0.0)
    assert decision == Again(2.0, 3)


@pytest.mark.parametrize("code", sorted(HOPELESS))
def test_a_start_that_will_end_the_same_way_is_not_repeated(code: int) -> None:
    assert decide(POLICY, ended(code), failures=0, chance=0.0) == GiveUp(HOPELESS[code])


@pytest.mark.parametrize("code", sorted(HOPELESS))
def test_a_process_that_was_ready_is_repeated_whatever_its_code(code: int) -> None:
    assert isinstance(decide(POLICY, ended(code, was_ready=True), failures=0, chance=0.0), Again)


@pytest.mark.parametrize("code", [Exit.OK, Exit.FAILED, Exit.UNAVAILABLE, 127, -9, None])
def test_any_other_end_is_followed_by_another_start(code: int | None) -> None:
    assert isinstance(decide(POLICY, ended(code), failures=0, chance=0.0), Again)


@given(st.integers(0, 1000), st.floats(0, 1, exclude_max=True), st.booleans(), st.floats(0, 1e6))
def test_a_pause_is_never_outside_its_bounds(failures: int, chance: float, ready: bool, ran_s: float) -> None:
    decision = decide(POLICY, ended(ran_s=ran_s, was_ready=ready), failures=failures, chance=chance)
    assert isinstance(decision, Again)
    assert POLICY.first_s * (1 - POLICY.jitter) <= decision.after_s <= POLICY.longest_s
    assert 1 <= decision.failures <= failures + 1


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (ended(3), "exit 3"),
        (ended(-9), "killed by signal 9"),
        (ended(None, note="cannot be started: No such file"), "cannot be started: No such file"),
        (ended(-15, note="not ready within 30 s"), "not ready within 30 s"),
    ],
)
def test_an_end_is_told_in_words(how: Ended, words: str) -> None:
    assert how.reason == words
