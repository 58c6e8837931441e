"""The benchmark: `python -m benchmarks [--quick]`. Prints a table and writes docs/benchmarks.md."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import nats
import orjson
from nats.aio.client import Client

from benchmarks.load import Request, Result, measure
from benchmarks.stage import Process, Stage, stage
from bus import Bus, BusSettings, Federation

LEVELS = (1, 16, 64)
ROUNDS = 3
MEMBERS = 1_000
QUERY = b'{"tag": "group-1", "limit": 50}'
TEXT_QUERY = b'{"q": "forecast the weather", "limit": 10}'
DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@dataclass(slots=True)
class Report:
    """Lines of Markdown, printed as they come."""

    lines: list[str] = field(default_factory=list)

    def say(self, line: str = "") -> None:
        self.lines.append(line)
        print(line, flush=True)

    def row(self, name: str, results: list[Result], floor: list[Result] | None = None) -> None:
        cells = []
        for position, result in enumerate(results):
            share = f" ({result.rate / floor[position].rate:.0%})" if floor else ""
            cells.append(f"{result.rate:,.0f}{share}")
        last = results[-1]
        hops = ", ".join(f"{name} {cpu:.0f}" for name, cpu in last.cpu_us.items())
        self.say(f"| {name} | {' | '.join(cells)} | {results[0].p50_ms:.2f} | {last.p99_ms:.1f} | {hops} |")


def manifest(number: int) -> dict[str, object]:
    """One of a thousand members, about 600 bytes as discovery shows it."""
    kind = ("weather", "code", "data", "image", "search")[number % 5]
    return {
        "id": f"member_{number:04d}",
        "name": f"{kind.title()} service {number}",
        "description": f"Service {number} of the {kind} kind: it can forecast, list and explain its {kind} things.",
        "version": f"1.{number % 7}.{number % 3}",
        "capabilities": [f"{kind}.read", f"{kind}.write"],
        "tags": [kind, f"group-{number % 20}"],
        "endpoints": {"mcp": f"http://127.0.0.1:9600/{number}/mcp", "health": f"http://127.0.0.1:9600/{number}/health"},
        "heartbeat_interval_s": 10,
    }


async def register_all(stage: Stage) -> float:
    """A thousand members registered, 64 at once; registrations a second."""
    bus = await Bus.connect(BusSettings(nats_url=stage.url))
    federation = Federation(bus)
    turns = asyncio.Semaphore(64)

    async def one(number: int) -> None:
        async with turns:
            await federation.register(manifest(number))

    started = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(MEMBERS)))
    rate = MEMBERS / (time.perf_counter() - started)
    await bus.close()
    return rate


def over_nats(connection: Client, subject: str, body: bytes, expected: int | None = None) -> Request:
    """A request by a bare nats-py client, so that only the serving side differs between rows."""

    async def request() -> int:
        data = (await connection.request(subject, body, timeout=10)).data
        if expected is not None and len(data) != expected:
            raise AssertionError(f"{subject}: {len(data)} bytes, not {expected}")
        return len(data)

    return request


def over_http(session: aiohttp.ClientSession, url: str, body: bytes | None) -> Request:
    async def request() -> int:
        method = "GET" if body is None else "POST"
        async with session.request(method, url, data=body, headers={"Content-Type": "application/json"}) as reply:
            data = await reply.read()
            if reply.status != 200:
                raise AssertionError(f"{url}: {reply.status} {data[:200]!r}")
            return len(data)

    return request


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison."""

    request: Request
    watched: list[Process]


async def levels(side: Side, seconds: float) -> list[Result]:
    return [await measure(side.request, callers, side.watched, seconds) for callers in LEVELS]


async def against(floor: Side, ours: Side, seconds: float) -> tuple[list[Result], list[Result]]:
    """Both sides at every level, in turns, so that a noisy machine is noisy for both: the round of the median ratio."""
    pairs = []
    for callers in LEVELS:
        rounds = [
            (
                await measure(floor.request, callers, floor.watched, seconds / ROUNDS),
                await measure(ours.request, callers, ours.watched, seconds / ROUNDS),
            )
            for _ in range(ROUNDS)
        ]
        pairs.append(sorted(rounds, key=lambda pair: pair[1].rate / pair[0].rate)[ROUNDS // 2])
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


HEAD = [
    "| | 1 caller, req/s | 16 | 64 | p50 ms at 1 | p99 ms at 64 | CPU µs a request at 64 |",
    "|---|---|---|---|---|---|---|",
]


async def nats_rows(stage: Stage, report: Report, seconds: float) -> tuple[int, int]:
    """Search and call over NATS against an echo of the same sizes. The sizes of both answers."""
    connection = await nats.connect(stage.url)
    directory = stage.start("directory")
    rate = await register_all(stage)
    member = stage.start("member")
    arguments = orjson.dumps({"text": "x" * 100})
    report.say(f"Registering {MEMBERS} members, 64 at once, every write synced to disk: {rate:,.0f} a second.\n")
    for line in HEAD:
        report.say(line)
    found = (await connection.request("omega.directory.search", QUERY, timeout=5)).data
    said = (await connection.request("omega.call.bench.repeat", arguments, timeout=5)).data
    for name, subject, body, size, server in (
        ("search, 50 of 1,000 by tag", "omega.directory.search", QUERY, len(found), directory),
        ("call", "omega.call.bench.repeat", arguments, len(said), member),
    ):
        echo = stage.start("echo", str(size))
        floor, ours = await against(
            Side(over_nats(connection, f"echo.{size}", body), [echo, stage.nats]),
            Side(over_nats(connection, subject, body), [server, stage.nats]),
            seconds,
        )
        report.row(f"bare nats-py echo, {size:,} bytes", floor)
        report.row(name, ours, floor)
        echo.end()
    ranked = over_nats(connection, "omega.directory.search", TEXT_QUERY)
    report.row("search, ranked text, 10 of 1,000", await levels(Side(ranked, [directory, stage.nats]), seconds))
    bus = await Bus.connect(BusSettings(nats_url=stage.url))
    federation = Federation(bus)

    async def framed() -> int:
        return len(await federation.call_bytes("bench", "repeat", arguments))

    report.row("call with frames, our client", await levels(Side(framed, [member, stage.nats]), seconds))
    await bus.close()
    await findable_row(connection, report)
    await connection.close()
    return len(found), len(said)


async def findable_row(connection: Client, report: Report) -> None:
    """How long after its acknowledgement a new member is found by a word of its description."""
    waits = []
    for number in range(50):
        word = f"unheard{number:03d}of"
        announced = orjson.dumps({"id": word, "name": word, "description": f"something {word}"})
        await connection.request(f"omega.register.{word}", announced, timeout=5)
        started = time.perf_counter()
        while (
            word.encode()
            not in (await connection.request("omega.directory.search", b'{"q":"%b"}' % word.encode())).data
        ):
            await asyncio.sleep(0.002)
        waits.append(time.perf_counter() - started)
    waits.sort()
    report.say(
        f"\nFrom a registration's acknowledgement until its words are found: p50 {waits[25] * 1000:.0f} ms, "
        f"worst of 50 {waits[-1] * 1000:.0f} ms."
    )


async def http_rows(stage: Stage, report: Report, sizes: tuple[int, int], seconds: float) -> None:
    """The gateway against a bare aiohttp handler that makes one NATS request of the same bytes."""
    gateway = stage.start("gateway")
    base = f"http://127.0.0.1:{gateway.port}"
    arguments = orjson.dumps({"text": "x" * 100})
    report.say()
    for line in HEAD:
        report.say(line)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        for name, path, body, size in (
            ("gateway search", "/mcp/resources/omega/directory/search?tag=group-1&limit=50", None, sizes[0]),
            ("gateway call", "/mcp/call/bench/repeat", arguments, sizes[1]),
        ):
            echo = stage.start("echo", str(size))
            bare = stage.start("bare_http", str(size))
            floor_request = over_http(session, f"http://127.0.0.1:{bare.port}/", body)
            floor, ours = await against(
                Side(floor_request, [bare]), Side(over_http(session, base + path, body), [gateway]), seconds
            )
            report.row(f"bare aiohttp + one NATS request, {size:,} bytes", floor)
            report.row(name, ours, floor)
            bare.end()
            echo.end()


async def idle_row(stage: Stage, report: Report, seconds: float) -> None:
    """What a thousand members cost that only send heartbeats, and what one heartbeat costs."""
    directory = stage.start("directory")
    await register_all(stage)
    connection = await nats.connect(stage.url)
    body = b'{"epoch":1,"load":0.1,"in_flight":0,"limit":64}'.replace(b'"epoch":1,', b"")
    before, started = directory.cpu(), time.perf_counter()
    sent = 0
    while (elapsed := time.perf_counter() - started) < seconds:
        due = int(elapsed * MEMBERS / 10)
        while sent < due:
            await connection.publish(f"omega.heartbeat.member_{sent % MEMBERS:04d}", body)
            sent += 1
        await asyncio.sleep(0.01)
    idle = (directory.cpu() - before) / elapsed
    report.say(
        f"\n{MEMBERS} idle members, a heartbeat each in 10 s: {idle:.1%} of a core in the directory, "
        f"{directory.rss_mb:.0f} MiB."
    )
    count = 50_000
    before = directory.cpu()
    for number in range(count):
        await connection.publish(f"omega.heartbeat.member_{number % MEMBERS:04d}", body)
    await connection.flush()
    while int(orjson.loads((await connection.request("omega.directory.stats", b"", timeout=30)).data)["heartbeats"]) < (
        sent + count
    ):
        await asyncio.sleep(0.05)
    report.say(f"One heartbeat costs the directory {(directory.cpu() - before) / count * 1e6:.0f} µs of CPU.")
    await connection.close()


async def main(seconds: float) -> None:
    report = Report()
    report.say("# Benchmarks\n")
    report.say(
        f"`make bench`, {time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {os.cpu_count()} cores for "
        f"server, service and load together; {seconds:g} s a level, every answer checked. In brackets: the share "
        "of the floor above it, measured in turns (the round of the median ratio).\n"
    )
    with stage() as running:
        sizes = await nats_rows(running, report, seconds)
        await http_rows(running, report, sizes, seconds)
    with stage() as running:
        await idle_row(running, report, max(10.0, seconds))
    DOCUMENT.write_text("\n".join(report.lines) + "\n")
