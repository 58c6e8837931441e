"""What the wire takes from inside nats-py is still there, and its own decisions."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from nats.aio.client import Client

from bus.errors import Disconnected, InvalidRequest
from bus.wire import Wire, _publish_command

OVERRIDDEN = [
    "_process_msg", "_process_info", "_process_err", "_process_ping", "_process_pong", "_process_op_err",
    "_select_next_server", "_read_loop", "_ping_interval", "_flusher",
]  # fmt: skip


@pytest.mark.parametrize("name", [*OVERRIDDEN, "_connect_to_server"])
def test_an_overridden_or_called_method_of_the_library_is_a_coroutine(name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(Client, name))


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_the_arguments_are_the_ones_overridden(name: str) -> None:
    ours = inspect.signature(getattr(Wire, name))
    assert list(ours.parameters) == list(inspect.signature(getattr(Client, name)).parameters)


async def test_the_state_of_a_new_client_is_where_we_look_for_it() -> None:
    wire = new_wire()
    assert (wire._pending, wire._pending_data_size, wire._sid, wire._pongs) == ([], 0, 0, [])
    assert (wire._reading_task, wire._ping_interval_task, wire._flusher_task, wire._transport) == (None,) * 4


async def test_nothing_is_kept_for_later_without_a_connection() -> None:
    wire = new_wire()
    with pytest.raises(Disconnected):
        wire.send("a", b"")
    assert wire.backlog() == 0


async def test_a_pong_for_nobody_is_nothing() -> None:
    wire = new_wire()
    await wire._process_pong()
    assert wire._pongs == []


async def test_a_pong_that_nobody_waits_for_any_more_does_not_confirm_a_later_ping() -> None:
    wire = new_wire()
    gave_up, waits = wire._ping(), wire._ping()
    gave_up.cancel()
    await wire._process_pong()
    assert not waits.done()
    await wire._process_pong()
    assert waits.result()


async def test_an_end_lets_go_everybody_and_is_told_once() -> None:
    wire = new_wire()
    ends: list[str] = []
    wire.on_end = lambda ended: ends.append(ended.reason)
    waits = wire._ping()
    writer = asyncio.create_task(wire.drained())
    await asyncio.sleep(0)
    wire.fall("first")
    wire.fall("second")
    assert (waits.result(), ends, wire.backlog()) == (False, ["first"], 0)
    with pytest.raises(Disconnected, match="first"):
        await writer
    with pytest.raises(Disconnected, match="first"):
        await wire.confirm(1)


async def test_what_the_server_complained_of_last_is_the_reason_of_the_end() -> None:
    wire = new_wire()
    await wire._process_err("'permissions violation for publish to \"a\"'")
    await wire._process_err("'user authentication expired'")
    wire.fall("the server closed the connection")
    assert wire.reason == "user authentication expired"


def new_wire() -> Wire:
    return Wire(ping_interval_s=1)


@pytest.mark.parametrize("subject", ["", "a b", "a\r\nPUB x", "a\tb", "a\n"])
def test_a_subject_cannot_carry_a_second_command(subject: str) -> None:
    with pytest.raises(InvalidRequest):
        _publish_command(subject, "", b"", b"")


def test_a_publish_is_written_as_the_protocol_has_it() -> None:
    assert _publish_command("s", "r", b"", b"body") == b"PUB s r 4\r\nbody\r\n"
    assert _publish_command("s", "", b"NATS/1.0\r\n\r\n", b"body") == b"HPUB s  12 16\r\nNATS/1.0\r\n\r\nbody\r\n"
