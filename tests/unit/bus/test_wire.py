"""What the wire takes from inside nats-py is still there, and its own decisions."""

from __future__ import annotations

import asyncio
import inspect
from urllib.parse import urlparse

import pytest
from nats.aio.client import Client, Server

from bus.errors import Disconnected, InvalidRequest
from bus.wire import Wire, _publish_command


@pytest.mark.parametrize("name", ["_process_msg", "_process_pong", "_read_loop", "_process_op_err", "_flush_pending"])
def test_an_overridden_or_called_method_of_the_library_is_a_coroutine(name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(Client, name))


def test_the_arguments_of_a_message_are_the_ones_overridden() -> None:
    ours = inspect.signature(Wire._process_msg)
    assert list(ours.parameters) == list(inspect.signature(Client._process_msg).parameters)


async def test_the_state_of_a_new_client_is_where_we_look_for_it() -> None:
    wire = Wire(max_backoff_s=1)
    assert (wire._pending, wire._pending_data_size, wire._subs, wire._sid, wire._pongs) == ([], 0, {}, 0, [])


async def test_nothing_is_kept_for_later_without_a_connection() -> None:
    wire = Wire(max_backoff_s=1)
    with pytest.raises(Disconnected):
        wire.send("a", b"")
    assert wire.backlog() == 0


async def test_a_pong_for_nobody_is_nothing() -> None:
    wire = Wire(max_backoff_s=1)
    gave_up: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    gave_up.cancel()
    wire._pongs = [gave_up]
    await wire._process_pong()
    assert wire._pongs == []


def test_dials_wait_longer_each_time_with_full_jitter_up_to_a_ceiling() -> None:
    wire = Wire(max_backoff_s=2, jitter=lambda: 1.0)
    waits = [wire.next_server([Server(urlparse("nats://a"), reconnects)], {})[1] for reconnects in range(8)]
    assert waits == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert Wire(max_backoff_s=2, jitter=lambda: 0.0).next_server([Server(urlparse("nats://a"), 9)], {})[1] == 0


def test_the_server_tried_least_is_dialled_next() -> None:
    a, b = Server(urlparse("nats://a"), 3), Server(urlparse("nats://b"), 1)
    assert Wire(max_backoff_s=1).next_server([a, b], {})[0] is b


@pytest.mark.parametrize("subject", ["", "a b", "a\r\nPUB x", "a\tb", "a\n"])
def test_a_subject_cannot_carry_a_second_command(subject: str) -> None:
    with pytest.raises(InvalidRequest):
        _publish_command(subject, "", b"", b"")


def test_a_publish_is_written_as_the_protocol_has_it() -> None:
    assert _publish_command("s", "r", b"", b"body") == b"PUB s r 4\r\nbody\r\n"
    assert _publish_command("s", "", b"NATS/1.0\r\n\r\n", b"body") == b"HPUB s  12 16\r\nNATS/1.0\r\n\r\nbody\r\n"
