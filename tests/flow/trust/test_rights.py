"""Every role at every subject, against a real server, in each way it can know who is who."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bus import BusSettings
from bus.trust.keyring import Keyring
from bus.trust.rights import Identity, Role, rights_of
from tests.support.trusted import WAYS, Deployment, deployment

M1, M2 = Identity(Role.MEMBER, "m1"), Identity(Role.MEMBER, "m2")
READER = Identity(Role.READING_MEMBER, "r1")
GATEWAY, DIRECTORY = Identity(Role.GATEWAY, "g1"), Identity(Role.DIRECTORY, "d1")
ADOPTER, CLIENT = Identity(Role.ADOPTER, "a1"), Identity(Role.CLIENT, "c1")
OBSERVER, OPERATOR = Identity(Role.OBSERVER, "o1"), Identity(Role.OPERATOR, "p1")
EVERYBODY = (M1, M2, READER, GATEWAY, DIRECTORY, ADOPTER, CLIENT, OBSERVER, OPERATOR)

PRESENCE = [f"omega.{verb}.{tail}" for verb in ("register", "heartbeat", "leave") for tail in ("m1", "m1.i", "m2.i")]
FOR_CALLERS = [f"omega.gateway.{verb}.m1.i" for verb in ("register", "heartbeat", "leave")]
STREAMS = ("KV_omega_registry", "KV_omega_owners", "KV_omega_sessions", "KV_omega_tokens", "OMEGA_EVENTS", "THEIRS")
STORAGE = [
    f"$JS.API.{verb}.{stream}"
    for stream in STREAMS
    for verb in ("STREAM.CREATE", "STREAM.UPDATE", "STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE",
                 "STREAM.MSG.GET", "STREAM.INFO", "DIRECT.GET", "CONSUMER.CREATE", "STREAM.SNAPSHOT")
]  # fmt: skip
KEYS = [f"$KV.omega_{bucket}.m1" for bucket in ("registry", "owners", "sessions", "tokens")]
EVENTS = [f"omega.event.{kind}.m1" for kind in ("registered", "call-denied", "access-denied", "trust-changed")]
CALLS = [
    "omega.call.m1.add", "omega.call.m1.i.add", "omega.call.m2.add", "omega.mcp.m1.any.tools.call.add",
    "omega.mcp.m1.i.tools.list._", "omega.mcp.m2.any.resources.read._", "omega.mcp.m2.any.tools.call.add",
    "omega.cancel.m1.i", "omega.cancel.m2.i", "omega.ping.m1.i", "omega.ping.m2.i",
]  # fmt: skip
OTHERS = [
    "omega.resync.m1.i", "omega.resync.m2.i", "omega.changed.m1", "omega.changed.m2", "omega.directory.search",
    "omega.directory-admin.owner", "omega.gateway.answer.x", "omega.gateway.cancelled", "omega.change.m1.i",
    "omega.session.x", "omega.token.x", "omega.owner.m1", "omega.restored.registered.m1", "elsewhere.x",
    "$SRV.PING", "$SRV.PING.m1", "$SRV.PING.m1.i", "$SRV.STATS.omega-gateway", "$SRV.INFO.omega-directory.x",
    "$SYS.REQ.SERVER.PING", "_INBOX.gateway.g1.x.y", "_INBOX.member.m1.x.y", "_INBOX.member.m2.x.y", "_INBOX.x",
]  # fmt: skip
PUBLISHED = [*PRESENCE, *FOR_CALLERS, *STORAGE, *KEYS, *EVENTS, *CALLS, *OTHERS]
WIDE = [
    ">", "*.>", "omega.>", "omega.*.m1.>", "omega.call.>", "omega.call.*.add", "omega.call.m1.>", "omega.mcp.>",
    "omega.mcp.m1.any.>", "omega.register.>", "omega.event.>", "omega.change.>", "_INBOX.>", "_INBOX.*.*.>",
    "_INBOX.member.m1.>", "_INBOX.member.m1.x.*", "_INBOX.gateway.>", "_INBOX.gateway.g1.x.*", "$KV.>", "$JS.>",
    "$SYS.>",
]  # fmt: skip
HEARD = [*PUBLISHED, *WIDE]

pytestmark = pytest.mark.parametrize("way", WAYS, indirect=True)


@pytest.fixture(scope="module")
def way(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder: Path = tmp_path_factory.mktemp(str(request.param))
    with deployment(request.param, folder, *EVERYBODY) as deployed:
        yield deployed


class Probe:
    """A bare connection that says which of its wishes the server refused."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def may_publish(self, subjects: list[str]) -> set[str]:
        return await self._allowed(subjects, [f"PUB {subject} 2\r\n{{}}\r\n" for subject in subjects])

    async def may_hear(self, subjects: list[str]) -> set[str]:
        return await self._allowed(subjects, [f"SUB {subject} {sid}\r\n" for sid, subject in enumerate(subjects)])

    async def _allowed(self, subjects: list[str], commands: list[str]) -> set[str]:
        """Those that the server took: it complains of the others before it answers the PING."""
        self._writer.write("".join([*commands, "PING\r\n"]).encode())
        refused = set()
        async with asyncio.timeout(10):
            while (line := (await self._reader.readline()).decode()) != "PONG\r\n":
                assert line, "the server closed the connection"
                if found := _REFUSED.match(line):
                    refused.add(found[1])
        return {subject for subject in subjects if subject not in refused}


_REFUSED = re.compile(r"-ERR 'Permissions Violation for \w+ to \"(\S+)\"")


@asynccontextmanager
async def probe(deployed: Deployment, identity: Identity) -> AsyncIterator[Probe]:
    login = Keyring(deployed.settings(identity)).login()
    reader, writer = await asyncio.open_connection("127.0.0.1", deployed.port)
    told = json.loads((await reader.readline()).removeprefix(b"INFO "))
    if login.tls is not None:
        await writer.start_tls(login.tls, server_hostname="127.0.0.1")
    connect: dict[str, object] = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True}
    if login.credentials is not None:
        connect["sig"] = login.credentials.signature(told["nonce"]).decode()
        connect |= {"jwt": token} if (token := login.credentials.token) else {"nkey": login.credentials.key.public}
    writer.write(b"CONNECT " + json.dumps(connect).encode() + b"\r\n")
    try:
        yield Probe(reader, writer)
    finally:
        await closed(writer)


async def closed(writer: asyncio.StreamWriter) -> None:
    """Ended, the socket below TLS too."""
    writer.transport.abort()
    with suppress(OSError, ssl.SSLError):
        await writer.wait_closed()
    await asyncio.sleep(0)


@pytest.mark.parametrize("identity", EVERYBODY, ids=str)
async def test_a_role_publishes_what_the_table_allows_and_nothing_else(way: Deployment, identity: Identity) -> None:
    rights = rights_of(identity, BusSettings())
    async with probe(way, identity) as probing:
        allowed = await probing.may_publish(PUBLISHED)
    assert allowed == {subject for subject in PUBLISHED if any(covers(p, subject) for p in rights.publish)}


@pytest.mark.parametrize("identity", EVERYBODY, ids=str)
async def test_a_role_hears_what_the_table_allows_and_nothing_else(way: Deployment, identity: Identity) -> None:
    rights = rights_of(identity, BusSettings())
    async with probe(way, identity) as probing:
        allowed = await probing.may_hear(HEARD)
    assert allowed == {subject for subject in HEARD if any(covers(p, subject) for p in rights.subscribe)}


async def test_a_member_is_itself_and_nobody_else(way: Deployment) -> None:
    """Said once more without the table, so that an error in the table shows."""
    async with probe(way, M1) as probing:
        assert await probing.may_publish([*PRESENCE, *FOR_CALLERS, *CALLS, *KEYS, *EVENTS, *STORAGE]) == {
            subject for subject in PRESENCE if ".m1" in subject
        }
    async with probe(way, M1) as probing:
        assert await probing.may_hear([*WIDE, *CALLS, *PRESENCE]) == {
            "omega.call.m1.>", "omega.mcp.m1.any.>", "omega.mcp.m1.any.tools.call.add", "omega.mcp.m1.i.tools.list._",
            "omega.call.m1.add", "omega.call.m1.i.add", "omega.cancel.m1.i", "omega.ping.m1.i",
            "_INBOX.member.m1.>", "_INBOX.member.m1.x.*",
        }  # fmt: skip


async def test_only_directories_and_operators_touch_the_registry(way: Deployment) -> None:
    for identity in EVERYBODY:
        async with probe(way, identity) as probing:
            written = await probing.may_publish(["$KV.omega_registry.m1.i", "$JS.API.STREAM.UPDATE.OMEGA_EVENTS"])
        assert bool(written) == (identity in (DIRECTORY, OPERATOR)), identity


async def test_nobody_but_an_operator_alters_or_deletes_events(way: Deployment) -> None:
    ends = [f"$JS.API.STREAM.{verb}.OMEGA_EVENTS" for verb in ("DELETE", "PURGE", "MSG.DELETE")]
    for identity in EVERYBODY:
        async with probe(way, identity) as probing:
            allowed = await probing.may_publish([*ends, "omega.restored.registered.m1"])
        assert bool(allowed) == (identity is OPERATOR), identity


async def test_without_credentials_nobody_comes_in(way: Deployment) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", way.port)
    async with asyncio.timeout(10):
        told = json.loads((await reader.readline()).removeprefix(b"INFO "))
        assert told.get("auth_required") or told.get("tls_verify")
        with suppress(ConnectionError, ssl.SSLError):
            if told.get("tls_required"):
                await writer.start_tls(ssl.create_default_context(cafile=way.folder / "ca.pem"))
            writer.write(b"CONNECT {}\r\nPING\r\n")
            assert b"PONG" not in await reader.read()
    await closed(writer)


def covers(pattern: str, subject: str) -> bool:
    """Whether everything that `subject` (itself a pattern, perhaps) matches is matched by `pattern`."""
    wanted, asked = pattern.split("."), subject.split(".")
    for place, token in enumerate(wanted):
        if token == ">":
            return place < len(asked)
        if place >= len(asked) or asked[place] == ">" or (token != "*" and token != asked[place]):
            return False
    return len(wanted) == len(asked)
