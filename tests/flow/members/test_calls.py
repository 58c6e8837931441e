"""A member of the SDK, called over a real NATS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from bus import Bus, BusSettings, CallOptions, Federation, codec
from bus.errors import (
    Busy,
    Cancelled,
    DeadlineExceeded,
    FederationError,
    InvalidArguments,
    Malformed,
    MemberLost,
    NoInstance,
    ToolCrashed,
    ToolError,
    UnknownMember,
    UnknownTool,
)
from members import Member, Serving
from tests.support.federation import calculator, manifest, running_member
from tests.support.nats import until


class Gate:
    """A tool that waits to be let through, so that a test decides how long it runs."""

    def __init__(self, member: Member) -> None:
        self.entered = asyncio.Semaphore(0)
        self.open = asyncio.Event()
        self.ended: list[str] = []

        @member.tool
        async def wait_at_the_gate() -> str:
            """Wait."""
            self.entered.release()
            try:
                await self.open.wait()
            except asyncio.CancelledError:
                self.ended.append("cancelled")
                raise
            self.ended.append("through")
            return "through"

        @member.tool
        async def refuse(kind: str) -> str:
            """Say no."""
            raise (Busy("not now") if kind == "busy" else ToolError("the repository is empty", details={"n": 1}))


@pytest.fixture
def member() -> Member:
    return calculator(limit=3)


@pytest.fixture
def gate(member: Member) -> Gate:
    return Gate(member)


@pytest.fixture
async def called(
    federation: Federation, member: Member, gate: Gate, settings: BusSettings
) -> AsyncIterator[Federation]:
    async with running_member(member, settings):
        yield federation


async def test_a_tool_is_called_by_a_plain_request(called: Federation, bus: Bus) -> None:
    reply = await bus.request("omega.call.calculator.add", b'{"a": 2, "b": 3}')
    assert orjson.loads(reply.data) == {"result": 5}


async def test_the_member_announced_its_tools_with_their_schemas(called: Federation) -> None:
    tools = {tool["name"]: tool for tool in (await called.server("calculator"))["tools"]}
    assert tools["add"]["inputSchema"]["required"] == ["a", "b"]
    assert tools["add"]["description"] == "Add two numbers."


async def test_a_call_with_frames_names_the_instance_and_gives_the_result(called: Federation) -> None:
    assert await called.call("calculator", "add", {"a": 1, "b": 1}) == {"result": 2}
    assert await called.call("calculator", "add_in_a_thread", {"a": 1, "b": 1}) == {"result": 2}


async def test_messagepack_in_messagepack_out(called: Federation, bus: Bus) -> None:
    body = codec.encode({"a": 2, "b": 3}, codec.MSGPACK)
    reply = await bus.request("omega.call.calculator.add", body, headers={"Content-Type": codec.MSGPACK})
    assert codec.decode(reply.data, reply.form) == {"result": 5}


async def test_progress_arrives_in_order(called: Federation) -> None:
    told: list[dict[str, Any]] = []
    options = CallOptions(on_event=lambda event: told.append(orjson.loads(event)))
    assert await called.call("calculator", "count", {"to": 3}, options) == {"counted": 3}
    assert [event["params"]["progress"] for event in told] == [1, 2, 3]
    assert {event["method"] for event in told} == {"notifications/progress"}


BAD_CALLS: list[tuple[str, str, bytes, type[FederationError], str]] = [
    ("an unknown tool", "ad", b"{}", UnknownTool, "did you mean 'add'"),
    ("a missing argument", "add", b'{"a": 1}', InvalidArguments, "b"),
    ("a wrong type", "add", b'{"a": 1, "b": "many"}', InvalidArguments, "b"),
    ("an unknown argument", "add", b'{"a": 1, "b": 2, "c": 3}', InvalidArguments, "c"),
    ("a wrong type for a tool with progress", "count", b'{"to": "x"}', InvalidArguments, "to"),
    ("no JSON", "add", b"{", Malformed, "JSON"),
    ("a list of arguments", "add", b"[1, 2]", Malformed, "object"),
    ("a tool that refuses", "refuse", b'{"kind": "tool"}', ToolError, "the repository is empty"),
    ("a tool that is busy", "refuse", b'{"kind": "busy"}', Busy, "not now"),
    ("a tool that crashes", "crash", b"{}", ToolCrashed, "unexpectedly"),
]


@pytest.mark.parametrize("row", BAD_CALLS, ids=[row[0] for row in BAD_CALLS])
async def test_a_bad_call_fails_in_words(called: Federation, row: tuple[str, str, bytes, type, str]) -> None:
    _, tool, body, error, words = row
    with pytest.raises(error, match=words) as caught:
        await called.call_bytes("calculator", tool, body)
    assert "a secret" not in str(caught.value.body())


async def test_a_call_of_nobody_fails_at_once_and_says_why(federation: Federation) -> None:
    with pytest.raises(UnknownMember):
        await federation.call("nobody", "add", {})
    await federation.register(manifest("over_http"))
    with pytest.raises(NoInstance):
        await federation.call("over_http", "add", {})


async def test_one_call_above_the_limit_is_busy_and_not_executed(called: Federation, gate: Gate) -> None:
    calls = [asyncio.create_task(called.call("calculator", "wait_at_the_gate")) for _ in range(3)]
    async with asyncio.timeout(5):
        for _ in calls:
            await gate.entered.acquire()
    with pytest.raises(Busy):
        await called.call("calculator", "wait_at_the_gate")
    gate.open.set()
    assert await asyncio.gather(*calls) == [{"result": "through"}] * 3
    assert gate.ended == ["through"] * 3


async def test_a_call_past_its_deadline_is_stopped_at_the_member(called: Federation, gate: Gate) -> None:
    with pytest.raises(DeadlineExceeded):
        await called.call("calculator", "wait_at_the_gate", {}, CallOptions(timeout=0.2))
    await until(lambda: gate.ended == ["cancelled"])


async def test_a_caller_that_goes_away_stops_the_tool(called: Federation, gate: Gate) -> None:
    call = asyncio.create_task(called.call("calculator", "wait_at_the_gate"))
    async with asyncio.timeout(5):
        await gate.entered.acquire()
    call.cancel()
    await until(lambda: gate.ended == ["cancelled"])
    await until(lambda: called.bus.waiting == 0)


async def test_calls_in_flight_are_finished_when_the_member_stops(
    federation: Federation, member: Member, gate: Gate, settings: BusSettings
) -> None:
    bus = await Bus.connect(settings)
    async with member.serving(bus):
        call = asyncio.create_task(federation.call("calculator", "wait_at_the_gate"))
        async with asyncio.timeout(5):
            await gate.entered.acquire()
        asyncio.get_running_loop().call_later(0.1, gate.open.set)
    assert await call == {"result": "through"}
    await bus.close()
    with pytest.raises(UnknownMember):
        await federation.server("calculator")


async def test_a_tool_with_a_name_that_is_no_subject_token_is_called_by_header(
    federation: Federation, settings: BusSettings
) -> None:
    member = Member("names")

    @member.tool(name="read.all/files")
    async def read() -> str:
        """Read."""
        return "read"

    async with running_member(member, settings):
        assert await federation.call("names", "read.all/files") == {"result": "read"}


async def test_an_unknown_outcome_is_never_a_success() -> None:
    assert Cancelled.retryable is False


async def test_a_call_that_nobody_took_ends_when_the_member_is_gone(federation: Federation, bus: Bus) -> None:
    """As when it reached a process in its last moment: delivered, never accepted, and nobody is left."""
    bus.listen("omega.call.ghost.*", lambda message: None, queue="ghost")
    await bus.flush()
    async with asyncio.timeout(6):
        with pytest.raises(MemberLost, match="nobody took the call"):
            await federation.call("ghost", "add", {}, CallOptions(timeout=30))


async def test_an_instance_that_dies_during_a_call_ends_the_call(federation: Federation, settings: BusSettings) -> None:
    member = calculator("dying", instance="one")
    entered = asyncio.Event()

    @member.tool
    async def hang() -> None:
        """Never return."""
        entered.set()
        await asyncio.Event().wait()

    bus = await Bus.connect(settings)
    serving = Serving(member._served(), bus)
    await serving.start()
    call = asyncio.create_task(federation.call("dying", "hang", {}, CallOptions(timeout=30)))
    async with asyncio.timeout(5):
        await entered.wait()
    await bus.close()  # as a killed process leaves: no word, only a connection that ended
    async with asyncio.timeout(6):
        with pytest.raises(MemberLost, match="instance one died"):
            await call
