"""What users of other federations complain of, and what happens here instead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest

from bus import Bus, BusSettings, Federation, Message
from bus.errors import DeadlineExceeded, DirectoryAway, MemberLost, NoInstance
from directory import Directory
from tests.flow.gateway.federation.conftest import telling
from tests.support.aggregate import Asking, aggregate_of
from tests.support.federation import manifest, running_directory, running_member
from tests.support.nats import NatsServer, until

TOOLS = [{"name": "t", "inputSchema": {"type": "object"}}]


@asynccontextmanager
async def deaf(federation: Federation, bus: Bus, member: str) -> AsyncIterator[list[Message]]:
    """A member that takes requests and never answers."""
    taken: list[Message] = []
    subscription = bus.listen(bus.subjects.mcp_of(member, "any"), taken.append, member)
    await bus.flush()
    await federation.register(manifest(member, tools=TOOLS))
    yield taken
    await subscription.stop()


async def test_a_deaf_member_breaks_no_list_and_delays_none_for_long(
    ask: Asking, federation: Federation, bus: Bus
) -> None:
    async with deaf(federation, bus, "deaf") as taken:
        await until(lambda: ask.aggregate.catalogue.get("deaf"), within=2)
        for method, field in (("prompts/list", "prompts"), ("resources/list", "resources"), ("tools/list", "tools")):
            began = time.perf_counter()
            told = str((await ask(method))[field])
            assert "alpha" in told and "beta" in told
            assert time.perf_counter() - began < 1.5
        assert taken


async def test_a_member_that_failed_once_is_not_waited_for_again(
    two: object, settings: BusSettings, federation: Federation, bus: Bus
) -> None:
    async with aggregate_of(settings, mcp_gather_s=0.2) as ask, deaf(federation, bus, "deaf") as taken:
        await until(lambda: ask.aggregate.catalogue.get("deaf"), within=2)
        await ask("prompts/list")
        await until(lambda: len(taken) > 0)
        await asyncio.sleep(5.2)  # the member's own time is up
        began = time.perf_counter()
        assert len((await ask("prompts/list"))["prompts"]) == 2
        assert time.perf_counter() - began < 0.1


async def test_a_member_that_answers_nonsense_costs_only_its_own_items(
    ask: Asking, federation: Federation, bus: Bus
) -> None:
    answers = {
        "prompts": b"no json",
        "resources": orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": {"resources": [{"name": 7}, "x"]}}),
    }

    async def answer(message: Message) -> None:
        bus.respond(message, answers["prompts" if ".prompts." in message.subject else "resources"])

    subscription = await bus.subscribe(bus.subjects.mcp_of("odd", "any"), answer, "odd")
    await federation.register(manifest("odd", tools=TOOLS))
    await until(lambda: ask.aggregate.catalogue.get("odd"), within=2)
    assert [prompt["name"] for prompt in (await ask("prompts/list"))["prompts"]] == ["alpha__greet", "beta__greet"]
    assert len(await ask.all("resources/list", "resources")) == 3
    await subscription.stop()


async def test_a_list_stands_while_the_directory_is_away(ask: Asking, directory: Directory) -> None:
    before = await ask.tools()
    await directory.stop()
    began = time.perf_counter()
    assert await ask.tools() == before
    assert (await ask.call("alpha__whoami"))["structuredContent"]["member"] == "alpha"
    assert time.perf_counter() - began < 0.5


async def test_changes_made_while_the_gateway_heard_nothing_are_found(
    settings: BusSettings, nats_server: NatsServer
) -> None:
    async with running_directory(settings) as directory, aggregate_of(settings, mcp_check_s=0.2) as ask:
        await until(lambda: ask.aggregate.ready)
        bus = await Bus.connect(settings)
        nats_server.restart()
        await until(lambda: bus.connected)
        await until(directory.ready.is_set)

        async def registered() -> bool:
            try:
                await Federation(bus).register(manifest("silent", tools=TOOLS))
            except Exception:  # noqa: BLE001 - whatever a server that comes back answers with
                return False
            return True

        await until(registered, within=15)
        await until(lambda: ask.aggregate.catalogue.get("silent"), within=5)
        await bus.close()


async def test_a_lost_hint_is_made_up_for_by_the_revision(ask: Asking, federation: Federation) -> None:
    feed = ask.aggregate._follower
    assert feed._subscription is not None
    await ask.tools()
    await feed._subscription.stop()
    await federation.register(manifest("unheard", tools=TOOLS))
    await until(lambda: "unheard" in ask.aggregate.catalogue.ids, within=5)


async def gone(ask: Asking, tool: str) -> bool:
    """Whether a call is refused at once; one that a member took with it when it left is not."""
    try:
        await ask.answer("tools/call", {"name": tool, "arguments": {}}, timeout=0.5)
    except NoInstance:
        return True
    except DeadlineExceeded:
        return False
    return False


async def test_a_member_that_comes_back_is_called_at_once_without_anything_being_restarted(
    ask: Asking, settings: BusSettings
) -> None:
    for _ in range(2):
        async with running_member(telling("phoenix"), settings):
            assert (await ask.call("phoenix__whoami"))["structuredContent"]["member"] == "phoenix"
        await until(lambda: gone(ask, "phoenix__whoami"))


async def test_a_member_killed_in_a_call_is_an_error_in_seconds_and_the_others_go_on(
    ask: Asking, federation: Federation, settings: BusSettings
) -> None:
    member = telling("mortal")
    entered = asyncio.Event()

    @member.tool
    async def wait() -> None:
        """Wait for ever."""
        entered.set()
        await asyncio.Event().wait()

    own = await Bus.connect(settings)
    serving = member.serving(own)
    await serving.__aenter__()
    call = asyncio.create_task(ask.answer("tools/call", {"name": "mortal__wait", "arguments": {}}, timeout=30))
    async with asyncio.timeout(5):
        await entered.wait()
    await own.close()
    began = time.perf_counter()
    with pytest.raises((MemberLost, NoInstance)):
        await call
    assert time.perf_counter() - began < 6
    assert (await ask.call("alpha__whoami"))["structuredContent"]["member"] == "alpha"


async def test_a_registration_reads_the_newcomer_only(ask: Asking, federation: Federation, bus: Bus) -> None:
    await ask.tools()
    asked: list[str] = []
    tap = bus.listen(
        bus.subjects.directory(">"), lambda message: asked.append(bus.subjects.last_token(message.subject))
    )
    await bus.flush()
    await federation.register(manifest("newcomer", tools=TOOLS))
    await until(lambda: ask.aggregate.catalogue.get("newcomer"), within=2)
    assert 1 <= asked.count("server") <= 2
    assert "servers" not in asked
    await tap.stop()


async def test_a_fleet_that_registers_again_is_read_in_pages_and_nobody_waits(
    ask: Asking, federation: Federation
) -> None:
    fleet = [manifest(f"fleet{number:03}", tools=TOOLS) for number in range(300)]
    await asyncio.gather(*(federation.register(one) for one in fleet))
    await until(lambda: len(ask.aggregate.catalogue) == 302, within=10)
    worst = 0.0
    renewing = asyncio.gather(*(federation.register({**one, "version": "2.0.0"}) for one in fleet))
    while not renewing.done():
        began = time.perf_counter()
        await ask.call("alpha__whoami")
        worst = max(worst, time.perf_counter() - began)
    await renewing
    await until(lambda: {ask.aggregate.catalogue.get(one["id"]).version for one in fleet} == {"2.0.0"}, within=10)  # type: ignore[union-attr]  # each is there
    assert worst < 1.5  # some 50 ms on a machine of its own


async def test_without_a_directory_since_the_start_the_list_says_so(
    bus: Bus, settings: BusSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mcp.federation.knowledge.FIRST_FILL_S", 0.2)
    async with aggregate_of(settings) as ask:
        with pytest.raises(DirectoryAway):
            await ask("tools/list")
        async with running_directory(settings), running_member(telling("first"), settings):
            await until(lambda: ask.aggregate.catalogue.get("first"))
            assert len(await ask.tools()) == 4


async def test_a_stale_member_is_not_listed_and_still_called(ask: Asking, federation: Federation, bus: Bus) -> None:
    async def answer(message: Message) -> None:
        bus.respond(message, b'{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[]}}')

    subscription = await bus.subscribe(bus.subjects.mcp_of("quiet", "any"), answer, "quiet")
    await federation.register(manifest("quiet", tools=TOOLS, heartbeat_interval_s=0.2))
    await until(lambda: (one := ask.aggregate.catalogue.get("quiet")) is not None and not one.active, within=5)
    assert "quiet__t" not in await ask.tools()
    assert (await ask.call("quiet__t"))["content"] == []
    await subscription.stop()
