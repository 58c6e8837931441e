"""Credentials in use: they end, they are replaced, they are revoked; and what goes wrong is said at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bus import Bus, BusSettings, Federation
from bus.errors import Disconnected, NoInstance, NotAllowed
from bus.trust.credentials import BadCredentials
from bus.trust.rights import Identity, Role
from directory import Directory
from members import Member
from tests.support.nats import until
from tests.support.trusted import Deployment, deployment

ADDER, OTHER = Identity(Role.MEMBER, "adder"), Identity(Role.MEMBER, "other")
GATEWAY, DIRECTORY = Identity(Role.GATEWAY, "g1"), Identity(Role.DIRECTORY, "d1")
OPERATOR, CLIENT = Identity(Role.OPERATOR, "p1"), Identity(Role.CLIENT, "c1")
EVERYBODY = (ADDER, OTHER, GATEWAY, DIRECTORY, OPERATOR, CLIENT)


@pytest.fixture(params=["tokens", "keys", "certificates"])
def deployed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    with deployment(request.param, tmp_path, *EVERYBODY) as made:
        yield made


@pytest.fixture(params=["tokens", "certificates"])
def renewable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    """Where new credentials need no word to the server."""
    with deployment(request.param, tmp_path, *EVERYBODY) as made:
        yield made


@pytest.fixture
def by_tokens(tmp_path: Path) -> Iterator[Deployment]:
    with deployment("tokens", tmp_path, *EVERYBODY) as made:
        yield made


def adder() -> Member:
    member = Member("adder", description="Adds", version="1.0.0")

    @member.tool
    async def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    @member.tool
    async def slow(a: int, b: int) -> int:
        """Add, in a moment."""
        await asyncio.sleep(0.05)
        return a + b

    return member


@asynccontextmanager
async def federation(
    deployed: Deployment, member: Member, connections: list[Bus] | None = None
) -> AsyncIterator[Federation]:
    """A directory, the member and a client, each with credentials of its own, on `connections`."""
    async with deployed.bus(DIRECTORY) as registry, deployed.bus(ADDER) as serving, deployed.bus(CLIENT) as calling:
        if connections is not None:
            connections += [registry, serving, calling]
        directory = Directory(registry)
        await directory.start()
        try:
            async with member.serving(serving):
                yield Federation(calling)
        finally:
            await directory.stop()


async def test_everybody_does_their_work_with_no_more_than_their_rights(deployed: Deployment) -> None:
    async with federation(deployed, adder()) as client:
        assert await client.call("adder", "add", {"a": 1, "b": 2}) == {"result": 3}
        assert [found["id"] for found in await client.search()] == ["adder"]


async def test_a_request_that_is_not_allowed_fails_at_once(deployed: Deployment) -> None:
    async with deployed.bus(OTHER) as bus:
        began = time.monotonic()
        with pytest.raises(NotAllowed, match=r"omega\.register\.adder\.default"):
            await Federation(bus).register({"id": "adder", "name": "x", "description": "d", "version": "1.0.0"})
        assert time.monotonic() - began < 2  # not the twelve seconds that a write may take


async def test_a_call_that_is_not_allowed_fails_at_once(deployed: Deployment) -> None:
    async with federation(deployed, adder()), deployed.bus(OTHER) as bus:
        with pytest.raises(NotAllowed, match=r"omega\.call\.adder"):
            await Federation(bus).call("adder", "add", {"a": 1, "b": 2})


async def test_revoked_credentials_end_the_connection_and_open_no_other(by_tokens: Deployment) -> None:
    async with by_tokens.bus(OTHER) as bus:
        by_tokens.authority.revoke(by_tokens.issued[OTHER].key.public, int(time.time()))
        by_tokens.reload()
        await until(lambda: not bus.connected)
    with pytest.raises(Disconnected, match=r"(?i)authorization"):
        async with by_tokens.bus(OTHER):
            pass


async def test_a_key_that_is_no_longer_listed_ends_the_connection(tmp_path: Path) -> None:
    with deployment("keys", tmp_path, *EVERYBODY) as deployed:
        async with deployed.bus(OTHER) as bus:
            del deployed.issued[OTHER]
            deployed.reload()
            await until(lambda: not bus.connected)


async def test_credentials_are_replaced_without_losing_a_call(renewable: Deployment) -> None:
    connections: list[Bus] = []
    async with federation(renewable, adder(), connections) as client:
        stop, wires = asyncio.Event(), [bus._wire for bus in connections]
        calling = asyncio.create_task(call_until(client, stop))
        for identity in (CLIENT, ADDER, DIRECTORY):
            renewable.issue(identity)
        for bus, wire in zip(connections, wires, strict=True):
            await until(lambda bus=bus, wire=wire: bus._wire is not wire and bus.connected, within=15)
        stop.set()
        assert await calling > 10


async def test_keys_are_rotated_with_an_overlap(tmp_path: Path) -> None:
    with deployment("keys", tmp_path, *EVERYBODY) as deployed:
        async with federation(deployed, adder()) as client:
            stop = asyncio.Event()
            calling = asyncio.create_task(call_until(client, stop))
            old, wire = dict(deployed.issued), client.bus._wire
            fresh = deployed.rotate(CLIENT)
            await until(lambda: client.bus._wire is not wire and client.bus.connected, within=15)
            stop.set()
            assert await calling > 10
            assert old[CLIENT].key.public != fresh.key.public


async def test_an_ended_token_cuts_the_connection_and_a_new_one_opens_it_again(by_tokens: Deployment) -> None:
    by_tokens.issue(OTHER, expires=int(time.time()) + 2)
    async with by_tokens.bus(OTHER) as bus:
        await until(lambda: not bus.connected, within=10)
        by_tokens.issue(OTHER)
        await until(lambda: bus.connected, within=15)


async def test_nobody_is_made_to_publish_for_somebody_else_by_a_reply_subject(deployed: Deployment) -> None:
    """A directory that answered wherever it is told to would do for a client what the client may not do."""
    async with federation(deployed, adder()) as client, deployed.bus(OPERATOR) as operator:
        heard: list[str] = []
        forbidden = ("omega.leave.adder.x", "$KV.omega_registry.adder.x", "omega.event.left.adder")
        for subject in forbidden:
            operator.listen(subject, lambda message: heard.append(message.subject))
        await operator.flush()
        for subject in forbidden:
            client.bus.send("omega.directory.servers", b"{}", reply=subject)
        await client.ask("servers")  # answered after those
        await operator.flush()
        assert heard == []


async def test_who_was_not_asked_does_not_know_where_to_answer(deployed: Deployment) -> None:
    """The inbox's last token is random for each question, and its owner's alone to hear."""
    async with deployed.bus(CLIENT) as asking, deployed.bus(OTHER) as other:
        replies = {asking.open_reply(lambda _: None) for _ in range(100)}
        lasts = {reply.rpartition(".")[2] for reply in replies}
        assert len(lasts) == 100 and all(len(last) == 24 for last in lasts)
        heard: list[str] = []
        other.listen("_INBOX.client.>", lambda message: heard.append(message.subject))
        await other.flush()
        asking.send("omega.directory.servers", b"{}", reply=next(iter(replies)))
        with pytest.raises(NoInstance):
            await asking.request("omega.ping.adder.x", b"", timeout=2)
        assert heard == []


async def test_a_file_that_others_may_read_is_refused(by_tokens: Deployment) -> None:
    by_tokens.wallet.path(OTHER).chmod(0o644)
    with pytest.raises(BadCredentials, match="chmod 600"):
        await Bus.connect(by_tokens.settings(OTHER))


async def test_a_server_without_credentials_is_not_offered_any(tmp_path: Path, settings: BusSettings) -> None:
    """An open server asks for none, and then nothing that is published tells who did."""
    bus = await Bus.connect(settings)
    assert not bus.identified
    await bus.close()


async def call_until(client: Federation, stop: asyncio.Event) -> int:
    """Call without a pause; how often. Raises what a call raised."""
    made = 0
    while not stop.is_set():
        assert await client.call("adder", "slow", {"a": made, "b": 1}) == {"result": made + 1}
        made += 1
    return made
