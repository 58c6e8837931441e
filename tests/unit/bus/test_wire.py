"""What the wire takes from inside nats-py is still there, and its own decisions."""

from __future__ import annotations

import asyncio
import inspect
from types import SimpleNamespace

import pytest
from nats.aio.client import Client

from bus.commands import publish, subscribe
from bus.errors import Disconnected, InvalidRequest
from bus.wire import Wire

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
        publish(subject, "", b"", b"")
    with pytest.raises(InvalidRequest):
        subscribe(subject, "", 1)


def test_a_publish_is_written_as_the_protocol_has_it() -> None:
    assert publish("s", "r", b"", b"body") == b"PUB s r 4\r\nbody\r\n"
    assert publish("s", "", b"NATS/1.0\r\n\r\n", b"body") == b"HPUB s  12 16\r\nNATS/1.0\r\n\r\nbody\r\n"


class Socket:
    """What the wire needs of a socket, and what it was given at once."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.full = 0
        self.closing = False

    def is_closing(self) -> bool:
        return self.closing

    def write(self, command: bytes) -> None:
        if self.closing:
            raise RuntimeError("the handler is closed")  # as uvloop does
        self.taken.append(command)

    def get_write_buffer_size(self) -> int:
        return self.full


@pytest.fixture
def socket() -> Socket:
    return Socket()


@pytest.fixture
async def wire(socket: Socket) -> Wire:
    wire = new_wire()
    wire._status = Client.CONNECTED
    wire._transport = SimpleNamespace(_io_writer=SimpleNamespace(transport=socket))
    return wire


async def test_a_lone_publish_goes_to_the_socket_at_once(wire: Wire, socket: Socket) -> None:
    wire.send("a", b"1")
    assert socket.taken == [b"PUB a  1\r\n1\r\n"] and wire.backlog() == 0


async def test_what_is_written_right_after_it_waits_for_the_end_of_the_turn(wire: Wire, socket: Socket) -> None:
    for number in range(3):
        wire.send("a", b"%d" % number)
    assert len(socket.taken) == 1
    assert wire._pending == [b"PUB a  1\r\n1\r\n", b"PUB a  1\r\n2\r\n"]


async def test_nothing_overtakes_what_waits(wire: Wire, socket: Socket) -> None:
    wire.send("a", b"1")
    wire.send("a", b"2")
    wire._wrote_at = 0.0  # long ago
    wire.send("a", b"3")
    assert len(socket.taken) == 1 and len(wire._pending) == 2


async def test_a_socket_that_is_not_empty_is_left_to_the_flusher(wire: Wire, socket: Socket) -> None:
    socket.full = 1
    wire.send("a", b"1")
    assert socket.taken == [] and wire.backlog() > 0


async def test_a_socket_that_was_lost_a_moment_ago_is_not_written_to(wire: Wire, socket: Socket) -> None:
    socket.closing = True
    wire.send("a", b"1")  # its end is told to whoever waits for an answer
    assert wire.backlog() > 0
