"""Secrets sent through every door stand afterwards in no log, no event and no error."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import structlog

from bus import Bus, BusSettings, Federation
from bus.errors import FederationError, ToolError
from bus.logs import configure_logs
from bus.messages import EventKind
from bus.past import events_since
from bus.trail import Trail
from directory import Directory
from gateway import Gateway
from members import Member
from tests.flow.attacks.conftest import head, once
from tests.flow.gateway.conftest import SUBJECT
from tests.support.federation import running_member
from tests.support.nats import until

WORD = "Hunter22"
SECRETS = {
    "bearer": f"Bearer {WORD}-abcdef.ghi",
    "key": f"omk_ci01_{WORD}abcdefghijklmnop",
    "url": f"nats://user:{WORD}@127.0.0.1:4222",
    "seed": "SUAM" + "H2NTER22" * 6 + "ABCDEF",
    "jwt": f"ey{'JhbGciOiJFUzI1NiJ9'}.eyJpc3MiOiJ{WORD}MifQ.{WORD}c2lnbmF0dXJl",
    "pem": f"-----BEGIN {'PRIVATE'} KEY-----\nMIIE{WORD}vQIBADANBgkqhkiG\n-----END {'PRIVATE'} KEY-----",
    "query": f"client_secret={WORD}abcdef",
}
TRACES = (WORD, "H2NTER22")


@pytest.fixture(autouse=True)
def logs() -> io.StringIO:
    """All that is logged, by us and by libraries, from debug up."""
    out = io.StringIO()
    configure_logs("debug", json=True, stream=out)
    return out


def leaking() -> Member:
    member = Member("leaking", name="Leaking")

    @member.tool
    async def refuse(which: str) -> str:
        """Say no, and too much."""
        raise ToolError(f"not with {SECRETS[which]}", details={"password": WORD, "sent": [SECRETS[which]]})

    @member.tool
    async def crash(which: str) -> str:
        """Break, and say too much."""
        raise RuntimeError(f"cannot use {SECRETS[which]}")

    return member


def clean(text: str) -> None:
    assert text
    assert not [trace for trace in TRACES if trace in text], text[-2_000:]


async def events(bus: Bus) -> str:
    return repr([event async for event in events_since(bus, 0)])


@pytest.mark.parametrize("which", SECRETS)
async def test_a_tool_that_says_too_much_is_not_repeated(
    which: str, client: aiohttp.ClientSession, settings: BusSettings, bus: Bus, logs: io.StringIO
) -> None:
    async with running_member(leaking(), settings):
        for tool in ("refuse", "crash"):
            async with client.post(f"/mcp/call/leaking/{tool}", json={"which": which}) as answer:
                assert answer.status in (422, 500)
                clean(await answer.text())
            with pytest.raises(FederationError) as failed:
                await Federation(bus).call("leaking", tool, {"which": which})
            clean(str(failed.value) + str(failed.value.body()))
    assert "cannot use" in logs.getvalue(), "the crash itself is logged"
    clean(logs.getvalue())
    clean(await events(bus))


@pytest.mark.parametrize("which", SECRETS)
async def test_what_a_client_sends_is_logged_nowhere(
    which: str, member: Member, gateway: Gateway, client: aiohttp.ClientSession, port: int, bus: Bus, logs: io.StringIO
) -> None:
    secret = SECRETS[which]
    sent = {"Authorization": secret, "Cookie": f"a={secret}", "X-Api-Key": secret, "X-Request-Id": secret}
    sent = {name: value.replace("\n", " ") for name, value in sent.items()}
    bodies: list[Any] = [{"id": "a b", "name": secret}, {"id": secret}, {"service_id": secret}, [secret], secret]
    for body in bodies:
        for path in ("/mcp/register", "/mcp/heartbeat", f"/mcp/call/{SUBJECT}/add", "/mcp"):
            async with client.post(path, json=body, headers=sent, params={"token": secret}) as answer:
                await answer.read()
    async with client.post(f"/mcp/call/{SUBJECT}/shout", json={"text": secret}, headers=sent) as answer:
        assert answer.status in (200, 401)
    for name, value in sent.items():
        await once(port, head(f"GET /{which}?access_token={WORD}", f"{name}: {value}", "Broken"))
    clean(logs.getvalue())
    clean(await events(bus) + "-")


@pytest.mark.parametrize("which", SECRETS)
async def test_what_comes_by_the_bus_is_logged_nowhere(
    which: str, directory: Directory, member: Member, bus: Bus, logs: io.StringIO, tmp_path: Path
) -> None:
    secret = SECRETS[which].replace("\n", " ")
    sent = {"Authorization": secret, "Omega-Caller": secret, "X-Api-Key": secret}
    for subject in ("omega.register.a", "omega.leave.a", "omega.directory.search", f"omega.call.{SUBJECT}.add"):
        for body in ({"id": secret, "name": "x"}, {"password": secret}, {"q": [secret]}, {"tag": {"x": secret}}):
            with contextlib.suppress(FederationError):
                await bus.request(subject, orjson.dumps(body), headers=sent, timeout=2)
    Trail(bus, "test").tell(
        EventKind.ACCESS_DENIED, None, reason=f"refused {secret}", token=secret, details={"sent": [secret]}
    )
    structlog.get_logger("test").warning("refused", reason=secret, headers=sent)

    async def captured() -> bool:
        return "access-denied" in await events(bus)

    await until(captured)
    clean(await events(bus))
    clean(logs.getvalue())
    clean((tmp_path / "nats" / "nats.log").read_text())
