"""Which server is dialled next, and when; which failures are told."""

from __future__ import annotations

from random import Random

import pytest

from bus.servers import REFUSED_FACTOR, STEADY_S, Address, Servers
from bus.supervision import REPEAT_S, Complaints, is_refusal


def servers(*urls: str, jitter: float = 1.0) -> Servers:
    return Servers(urls or ("nats://a:1",), 2.0, jitter=lambda: jitter)


def test_the_first_dial_waits_for_nothing() -> None:
    assert servers().next()[1] == 0


def test_dials_wait_longer_each_time_with_full_jitter_up_to_a_ceiling() -> None:
    pool, waits = servers(), []
    for _ in range(8):
        address, _ = pool.next()
        pool.failed(address)
        waits.append(pool.next()[1])
    assert waits == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_jitter_spreads_from_nothing() -> None:
    pool = servers(jitter=0.0)
    for _ in range(5):
        pool.failed(pool.next()[0])
    assert pool.next()[1] == 0


def test_a_server_that_says_no_is_asked_less_often() -> None:
    pool = servers()
    for _ in range(20):
        pool.failed(pool.next()[0], refused=True)
    assert pool.next()[1] == 2.0 * REFUSED_FACTOR


def test_the_server_that_failed_least_is_dialled_next() -> None:
    pool = servers("nats://a:1", "nats://b:1")
    first, _ = pool.next()
    pool.failed(first)
    second, _ = pool.next()
    assert {first.url, second.url} == {"nats://a:1", "nats://b:1"}


def test_after_a_loss_another_server_comes_first_however_it_failed_before() -> None:
    pool = servers("nats://a:1", "nats://b:1")
    a, b = (address for address in pool._pool)
    for _ in range(9):
        pool.failed(b)
    pool.lost(a, lived_s=STEADY_S)
    chosen, pause = pool.next()
    assert (chosen, pause) == (b, 0.05)


@pytest.mark.parametrize("seed", range(10))
def test_a_server_that_is_about_to_end_is_never_the_next_while_there_is_another(seed: int) -> None:
    pool = Servers(("nats://a:1", "nats://b:1", "nats://c:1"), 2.0, jitter=Random(seed).random)
    here, _ = pool.next()
    for _ in range(9):  # restart after restart, each is left in its turn
        pool.leaves(here)
        there, _ = pool.next()
        assert there is not here
        here = there


def test_a_server_that_is_about_to_end_is_the_next_where_there_is_no_other() -> None:
    alone = servers()
    only, _ = alone.next()
    alone.leaves(only)
    assert alone.next()[0] is only


def test_a_server_that_lets_in_and_throws_out_is_dialled_ever_less_often() -> None:
    pool, waits = servers(), []
    for lived in (STEADY_S, 0.1, 0.1, 0.1, STEADY_S):
        pool.lost(pool.next()[0], lived)
        waits.append(pool.next()[1])
    assert waits == [0.05, 0.1, 0.2, 0.4, 0.05]


def test_neighbours_are_dialled_as_the_server_that_told_of_them() -> None:
    pool = servers("tls://u:p@nats.example:4222")
    teller, _ = pool.next()
    pool.learn(teller, ["10.0.0.2:4222", "b.example:4222", "nats.example:4222"])
    pool.failed(teller)
    assert pool._pool[1:] == [
        Address("tls://u:p@10.0.0.2:4222", learnt=True, tls_name="nats.example"),
        Address("tls://u:p@b.example:4222", learnt=True),
    ]
    assert pool.next()[0].learnt


def test_a_neighbour_that_is_told_of_no_more_is_forgotten_and_the_others_keep_their_failures() -> None:
    pool = servers()
    teller, _ = pool.next()
    pool.learn(teller, ["b:1", "c:1"])
    pool.failed(pool._pool[2])
    pool.learn(teller, ["c:1", "d:1"])
    assert [(address.url, address.failures) for address in pool._pool[1:]] == [("nats://c:1", 1), ("nats://d:1", 0)]


def test_neighbours_of_a_web_socket_are_not_guessed() -> None:
    pool = servers("ws://a:80")
    pool.learn(pool.next()[0], ["b:4222"])
    assert len(pool) == 1


def test_a_url_without_a_scheme_is_a_nats_server() -> None:
    assert servers("a:4222").next()[0].url == "nats://a:4222"


def test_each_reason_is_told_once_and_again_when_it_has_lasted() -> None:
    complaints = Complaints()
    told = [complaints.due(reason, now) for reason, now in (("a", 0), ("b", 1), ("a", 2), ("a", REPEAT_S))]
    assert told == [True, True, False, True]
    complaints.clear()
    assert complaints.due("b", 2)


def test_a_refused_login_is_told_from_a_server_that_is_away() -> None:
    assert is_refusal("Authorization Violation")
    assert not is_refusal("[Errno 111] Connect call failed")
