"""What trust costs on the call path: `POST /mcp/call/…` with nobody asked, with identities on the bus, keys, and TLS.

`python -m benchmarks.trust_rows [--quick]` prints the rows. All sides run at once and are called in turns, so that a
noisy moment falls on all of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson
import uvloop

from benchmarks.load import Request, Result, measure
from benchmarks.stage import Process
from bus import BusSettings
from bus.trust.certificates import Span, new_authority, server_certificate
from bus.trust.credentials import write_secret
from bus.trust.keyring import wallet_in
from bus.trust.rights import Identity, Role
from omega.embedded import ServerPlan, configuration, find_server, system_login
from omega.ports import free_port
from omega.trust import Deployment

HOST = "127.0.0.1"
CALLERS = 32
ROUNDS = 7
ROLES = {
    "directory": Identity(Role.DIRECTORY, "bench"),
    "member": Identity(Role.MEMBER, "bench"),
    "gateway": Identity(Role.GATEWAY, "bench"),
}
OPERATOR = Identity(Role.OPERATOR, "bench")
BODY = orjson.dumps({"text": "x" * 100})


@dataclass
class Side:
    """One way to run it, and what was measured of it."""

    name: str
    identities: bool = False
    keys: bool = False
    tls: bool = False
    request: Request | None = None
    watched: list[Process] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)


SIDES = (
    Side("nobody is asked"),
    Side("identities on the bus", identities=True),
    Side("and an API key", identities=True, keys=True),
    Side("and TLS to the gateway", identities=True, keys=True, tls=True),
)


async def main(seconds: float) -> None:
    with ExitStack() as stack:
        for side in SIDES:
            stack.enter_context(started(side))
        for _ in range(ROUNDS):
            for side in SIDES:
                assert side.request is not None
                side.results.append(await measure(side.request, CALLERS, side.watched, seconds))
    print(f"| calls over HTTP, {CALLERS} at once | calls/s | of the first | p50 ms | CPU µs a call |")
    print("|---|---|---|---|---|")
    for side in SIDES:
        print(row(side))


def row(side: Side) -> str:
    """The middle of its turns; the share of the first side is the middle of the shares turn by turn."""
    middle = sorted(side.results, key=lambda one: one.rate)[ROUNDS // 2]
    share = statistics.median(a.rate / b.rate for a, b in zip(side.results, SIDES[0].results, strict=True))
    cpu = ", ".join(f"{name} {us:.0f}" for name, us in middle.cpu_us.items())
    return f"| {side.name} | {middle.rate:,.0f} | {share:.0%} | {middle.p50_ms:.1f} | {cpu} |"


@contextmanager
def started(side: Side) -> Iterator[None]:
    """The processes of a side, for the length of the block."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        url = stack.enter_context(nats(folder, side))
        processes = {}
        for role in ROLES:
            told = environment(folder, role, side)
            command = [sys.executable, "-m", "benchmarks.roles", role, url]
            processes[role] = Process(role, command, told).wait_ready()
            stack.callback(processes[role].end)
        key = api_key(folder, url) if side.keys else ""
        side.request = caller(processes["gateway"].port, key, folder / "server.pem" if side.tls else None)
        side.watched = [processes["gateway"], processes["member"]]
        yield


@contextmanager
def nats(folder: Path, side: Side) -> Iterator[str]:
    """A server on a free port."""
    port, access, now = free_port(HOST), None, int(time.time())
    if side.identities:
        deployment = Deployment.create(folder / "trust", BusSettings(trust=folder / "trust"))
        for identity in (*ROLES.values(), OPERATOR):
            deployment.issue(identity, now)
        access = deployment.access(now)
    path = folder / "nats.conf"
    path.write_text(configuration(ServerPlan(port, folder, system_login(folder / "login.json"), access=access)))
    process = Process("nats", [str(find_server().path), "-c", str(path)])
    try:
        yield f"nats://{HOST}:{port}"
    finally:
        process.end()


def environment(folder: Path, role: str, side: Side) -> Mapping[str, str]:
    told = {"OMEGA_TRUST": str(folder / "none")}
    if side.identities:
        told["OMEGA_CREDENTIALS"] = str(wallet_in(folder / "trust").path(ROLES[role]))
    if side.keys:
        told["OMEGA_GATEWAY_AUTHENTICATION"] = "required"
        told["OMEGA_GATEWAY_REQUESTS_PER_MINUTE"] = "10000000"  # counted like any other limit, and never reached
    if side.tls:
        span = Span(datetime.now(UTC), 1)
        made = server_certificate(new_authority("bench", span), [HOST], span)
        for kind, text in (("pem", made.pem), ("key", made.key_pem)):
            if not (folder / f"server.{kind}").exists() or role == "gateway":
                write_secret(folder / f"server.{kind}", text)
        told["OMEGA_GATEWAY_TLS_CERT"] = str(folder / "server.pem")
        told["OMEGA_GATEWAY_TLS_KEY"] = str(folder / "server.key")
    return told


def api_key(folder: Path, url: str) -> str:
    """A key that may call and nothing else."""
    known = {"OMEGA_CREDENTIALS": str(wallet_in(folder / "trust").path(OPERATOR))}
    command = [sys.executable, "-m", "omega", "token", "create", "bench", "--scope", "call", "--nats", url, "--json"]
    said = subprocess.run(command, env={**os.environ, **known}, capture_output=True, check=True)
    return str(json.loads(said.stdout)["key"])


def caller(port: int, key: str, certificate: Path | None) -> Request:
    """Sends the same call over and over, on one of a pool of connections."""
    believed = ssl.create_default_context() if certificate is not None else None
    if believed is not None:
        believed.check_hostname, believed.verify_mode = False, ssl.CERT_NONE
    proof = f"Authorization: Bearer {key}\r\n" if key else ""
    head = f"POST /mcp/call/bench/repeat HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n{proof}"
    sent = f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def request() -> int:
        reader, writer = idle.pop() if idle else await asyncio.open_connection(HOST, port, ssl=believed)
        writer.write(sent)
        lines = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(lines.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        if b" 200 " not in lines:
            raise AssertionError((lines, body[:300]))
        idle.append((reader, writer))
        return len(body)

    return request


if __name__ == "__main__":
    uvloop.run(main(0.7 if "--quick" in sys.argv else 2.0))
