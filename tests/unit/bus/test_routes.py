"""Which instance a call is sent to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from itertools import cycle
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bus.messages import Heartbeat
from bus.routes import FULL_S, PATIENCE_BEATS, Known, Routes
from bus.subjects import Instance

A, B, C = Instance("m", "a"), Instance("m", "b"), Instance("m", "c")


def told(*beats: tuple[Instance, int], limit: int = 10, now: float = 0.0) -> Routes:
    routes = Routes()
    for who, in_flight in beats:
        routes.heard(who, Heartbeat(in_flight=in_flight, limit=limit), now)
    return routes


def chosen(routes: Routes, now: float, draw: Callable[[], float], without: Collection[str] = ()) -> str | None:
    known = routes.choose("m", now, draw, without)
    return known.who.instance if known is not None else None


def known(routes: Routes, who: Instance) -> Known:
    return routes.instances("m")[who.instance]


def test_a_member_that_was_never_heard_is_left_to_the_bus() -> None:
    assert chosen(Routes(), 0, Random(1).random) is None


def test_a_heartbeat_without_a_limit_makes_nobody_callable_by_instance() -> None:
    routes = Routes()
    routes.heard(A, Heartbeat(), 0)
    assert chosen(routes, 0, Random(1).random) is None


def test_of_two_the_less_loaded_is_always_taken() -> None:
    routes = told((A, 9), (B, 1))
    assert {chosen(routes, 0, Random(seed).random) for seed in range(50)} == {"b"}


def test_load_is_a_share_of_the_limit_and_not_a_number() -> None:
    routes = Routes()
    routes.heard(A, Heartbeat(in_flight=8, limit=100), 0)
    routes.heard(B, Heartbeat(in_flight=2, limit=4), 0)
    assert chosen(routes, 0, Random(1).random) == "a"


def test_what_was_sent_since_the_last_heartbeat_counts() -> None:
    routes = told((A, 0), (B, 2))
    known(routes, A).ours += 3
    assert chosen(routes, 0, Random(1).random) == "b"
    known(routes, A).ours -= 3
    assert chosen(routes, 0, Random(1).random) == "a"


def test_a_call_of_ours_that_a_heartbeat_reports_is_not_counted_twice() -> None:
    routes = told((A, 0), (B, 3))
    known(routes, A).ours += 2
    routes.heard(A, Heartbeat(in_flight=2, limit=10), 1)
    assert routes.instances("m")["a"].load == 0.2


def test_among_many_the_fullest_is_never_taken_and_the_others_share() -> None:
    routes = told((A, 1), (B, 1), (C, 9))
    taken = Counter(chosen(routes, 0, Random(seed).random) for seed in range(300))
    assert taken["c"] == 0 and min(taken["a"], taken["b"]) > 90


def test_one_that_said_busy_is_left_alone_for_a_moment() -> None:
    routes = told((A, 0), (B, 5))
    known(routes, A).full(0)
    assert chosen(routes, 0.5, Random(1).random) == "b"
    assert chosen(routes, FULL_S + 0.01, Random(1).random) == "a"


def test_one_that_gives_no_sign_of_life_is_left_out_until_it_does() -> None:
    routes = told((A, 0), (B, 9))
    known(routes, A).fell_mute()
    assert chosen(routes, 0, Random(1).random) == "b"
    routes.heard(A, Heartbeat(in_flight=0, limit=10), 1)
    assert chosen(routes, 1, Random(1).random) == "a"


def test_one_that_is_gone_comes_back_with_a_heartbeat() -> None:
    routes = told((A, 0))
    routes.gone(A)
    assert chosen(routes, 0, Random(1).random) is None
    routes.heard(A, Heartbeat(limit=1), 1)
    assert chosen(routes, 1, Random(1).random) == "a"


def test_one_that_fell_silent_is_not_chosen() -> None:
    routes = Routes()
    for second in (0.0, 2.0):
        routes.heard(A, Heartbeat(limit=1), second)
    assert chosen(routes, 2 + PATIENCE_BEATS * 2, Random(1).random) == "a"
    assert chosen(routes, 2.1 + PATIENCE_BEATS * 2, Random(1).random) is None


def test_those_already_tried_are_left_out() -> None:
    routes = told((A, 0), (B, 9))
    assert chosen(routes, 0, Random(1).random, ["a"]) == "b"
    assert chosen(routes, 0, Random(1).random, ["a", "b"]) is None


@given(
    loads=st.lists(st.integers(0, 10), min_size=2, max_size=6),
    draws=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=9),
)
def test_whatever_is_drawn_two_different_instances_are_compared(loads: list[int], draws: list[float]) -> None:
    routes = told(*((Instance("m", f"i{number}"), load) for number, load in enumerate(loads)))
    name = chosen(routes, 0, cycle(draws).__next__)
    assert name is not None
    # The very fullest can only win against one as full as itself.
    load = loads[int(name[1:])]
    assert load < max(loads) or loads.count(load) > 1


@given(st.lists(st.sampled_from("segbh"), max_size=60))
def test_our_own_calls_are_counted_until_they_end_whatever_is_heard_meanwhile(events: list[str]) -> None:
    routes, in_flight = told((A, 0)), list[Known]()
    for event in events:
        held = routes.instances("m").get("a")
        match event:
            case "s" if held is not None:
                held.ours += 1
                in_flight.append(held)
            case "e" if in_flight:
                in_flight.pop().ours -= 1
            case "g":
                routes.gone(A)
            case "b" if held is not None:
                held.full(0)
            case _:
                routes.heard(A, Heartbeat(in_flight=3, limit=5), 0)
    for each in routes.instances("m").values():
        assert each.ours == sum(known is each for known in in_flight) and each.others >= 0
