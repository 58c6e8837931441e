"""Who makes room when too many connections are open."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.crowd import LEAST, Crowd, room


@dataclass(eq=False)
class Connected:
    crowd: Crowd
    idle: bool = True
    closed: bool = False

    def force_close(self) -> None:
        self.closed = True
        self.crowd.leave(self)


def filled(most: int, *, idle: bool = True) -> tuple[Crowd, list[Connected]]:
    crowd = Crowd(most)
    guests = [Connected(crowd, idle) for _ in range(most)]
    for guest in guests:
        crowd.enter(guest)
    return crowd, guests


def test_nobody_is_closed_below_the_limit() -> None:
    crowd, guests = filled(5)
    assert len(crowd) == 5
    assert not any(guest.closed for guest in guests)


def test_the_longest_idle_makes_room() -> None:
    crowd, guests = filled(5)
    newcomer = Connected(crowd)
    crowd.enter(newcomer)
    assert [guest.closed for guest in guests] == [True, False, False, False, False]
    assert not newcomer.closed
    assert len(crowd) == 5


def test_one_with_a_request_in_hand_is_not_closed() -> None:
    crowd, guests = filled(5)
    guests[0].idle = guests[1].idle = False
    crowd.enter(Connected(crowd))
    assert [guest.closed for guest in guests] == [False, False, True, False, False]


def test_where_all_are_busy_the_newcomer_is_turned_away() -> None:
    crowd, guests = filled(5, idle=False)
    newcomer = Connected(crowd)
    crowd.enter(newcomer)
    assert newcomer.closed
    assert not any(guest.closed for guest in guests)


def test_who_left_makes_room_by_that() -> None:
    crowd, guests = filled(5)
    crowd.leave(guests[3])
    crowd.enter(Connected(crowd))
    assert not any(guest.closed for guest in guests)


def test_there_is_room_for_no_more_than_there_may_be_files() -> None:
    assert room(1) == 1
    assert room(10**9) >= LEAST
