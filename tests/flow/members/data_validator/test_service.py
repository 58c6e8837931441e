"""The Data Validator at work: where tables come from, how it tells of long work, and what ends at its limits."""

from __future__ import annotations

import base64
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from aiohttp import web
from mcp import Client

from bus import Bus, BusSettings, Federation
from bus.errors import FederationError, NotAllowed, TooLarge, ToolError
from gateway import Gateway, GatewaySettings
from members import Member
from members.data_validator.service import build
from members.data_validator.settings import DataValidatorSettings
from members.sandbox.extras import MissingExtra
from tests.flow.members.data_validator.conftest import ID, PATIENT
from tests.support.federation import running_member
from tests.unit.members.data_validator.tables import parquet, workbook

MIB = 1024 * 1024
MILLION = 1_000_000
TWO_DAYS = "SELECT range + 1 AS id, DATE '2024-01-01' + range::INTEGER AS at FROM range(2)"


def million_rows() -> bytes:
    """A narrow table of a million rows, one of which breaks each rule."""
    lines = [f"{n},name{n % 5000},{n % 100_003 / 100},2024-01-{n % 28 + 1:02d}" for n in range(MILLION)]
    lines[700_000] = "700000,name0,-1,2024-02-30"
    return ("id,name,amount,day\n" + "\n".join(lines) + "\n").encode()


@asynccontextmanager
async def serving(content: bytes) -> AsyncIterator[str]:
    """`host:port` of an HTTP server with one table."""

    async def table(_: web.Request) -> web.Response:
        return web.Response(body=content, content_type="text/csv")

    application = web.Application()
    application.router.add_get("/table.csv", table)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def profiled(federation: Federation, table: Any, **more: Any) -> Any:
    return await federation.call(ID, "profile_table", {"table": table, **more}, PATIENT)


async def test_a_million_rows_are_profiled_and_validated_in_seconds(
    federation: Federation, settings: BusSettings
) -> None:
    schema = {
        "columns": [
            {"name": "id", "type": "integer", "minimum": 0},
            {"name": "name", "type": "string", "pattern": "^name[0-9]+$", "max_length": 8},
            {"name": "amount", "type": "number", "minimum": 0},
            {"name": "day", "type": "date", "minimum": "2024-01-01"},
        ],
        "primary_key": ["id"],
    }
    async with serving(million_rows()) as host:
        own = DataValidatorSettings(allowed_hosts=(host,))
        async with running_member(build(own), settings):
            begun = monotonic()
            profile = await profiled(federation, f"http://{host}/table.csv")
            done = monotonic()
            arguments = {"table": f"http://{host}/table.csv", "schema": schema}
            verdict = await federation.call(ID, "validate_table", arguments, PATIENT)
            ended = monotonic()
    assert (done - begun < 20, ended - done < 20) == (True, True), (done - begun, ended - done)
    assert (profile["rows"], profile["approximate"], profile["duplicate_rows"]) == (MILLION, True, 0)
    types = {each["name"]: each["type"] for each in profile["columns"]}
    assert types == {"id": "integer", "name": "string", "amount": "number", "day": "string"}
    assert profile["columns"][0]["mean"] == 499_999.5
    assert 4500 < profile["columns"][1]["distinct"] < 5500
    assert [(each["row"], each["rule"]) for each in verdict["violations"]] == [
        (700_001, "amount.minimum"),
        (700_001, "day.type"),
    ]


async def test_a_table_comes_inline_as_a_resource_or_from_an_allowed_host(
    federation: Federation, settings: BusSettings, tmp_path: Path
) -> None:
    shop = Member("shop", name="Shop", heartbeat_interval_s=0.2)

    @shop.mcp.resource("shop://orders.csv", mime_type="text/csv")
    def orders() -> str:
        return "id,at\n1,2024-01-01\n2,2024-01-02\n"

    text = orders()
    async with serving(text.encode()) as host:
        own = build(DataValidatorSettings(allowed_hosts=(host,)))
        async with running_member(shop, settings), running_member(own, settings):
            given = [
                text,
                {"data": text, "format": "csv"},
                [{"id": 1, "at": "2024-01-01"}, {"id": 2, "at": "2024-01-02"}],
                "data:text/csv;base64," + base64.b64encode(text.encode()).decode(),
                {"data": base64.b64encode(text.encode()).decode(), "base64": True},
                base64.b64encode(workbook(["id", "at"], [1, "2024-01-01"], [2, "2024-01-02"])).decode(),
                base64.b64encode(parquet(tmp_path, TWO_DAYS)).decode(),
                "omega://member/shop/shop://orders.csv",
                f"http://{host}/table.csv",
            ]
            for table in given:
                profile = await profiled(federation, table)
                told = [(each["name"], each["type"], each["distinct"]) for each in profile["columns"]]
                assert told == [("id", "integer", 2), ("at", "date", 2)], table


async def test_urls_can_be_closed(federation: Federation, settings: BusSettings) -> None:
    async with serving(b"a\n1\n") as host:
        own = DataValidatorSettings(allow_urls=False, allowed_hosts=(host,))
        async with running_member(build(own), settings):
            with pytest.raises(NotAllowed, match="table: URLs are not fetched here"):
                await profiled(federation, f"http://{host}/table.csv")


async def test_long_work_tells_how_far_it_is(validator: Federation, bus: Bus) -> None:
    gateway = Gateway(bus, GatewaySettings(port=0, doors={}, drain_s=2))
    await gateway.start()
    steps: list[tuple[float, str | None]] = []

    async def heard(progress: float, _total: float | None, message: str | None) -> None:
        steps.append((progress, message))

    try:
        async with Client(f"{gateway.url}/servers/{ID}/mcp") as client:
            await client.call_tool("profile_table", {"table": "a,b\n1,2\n"}, progress_callback=heard)
    finally:
        await gateway.stop()
    assert [step for step, _ in steps] == sorted(step for step, _ in steps)
    assert {"reading", "measuring columns"} <= {message for _, message in steps}


def random_table(rows: int) -> str:
    """A table of values that no compression makes smaller."""
    chance = random.Random(1)
    return "a,b\n" + "".join(f"{chance.randbytes(100).hex()},{chance.randbytes(100).hex()}\n" for _ in range(rows))


HARD = "([a-f]|[0-9]x?)*"
ENDLESS = [{"name": f"{n}", "then": {"column": "a", "op": "matches", "value": f"{HARD}{n}$"}} for n in range(500)]
"""Rules that take minutes: RE2 never runs away, but it reads everything as often as it is told to."""
LIMITS: list[tuple[str, DataValidatorSettings, Any, type[FederationError], str]] = [
    (
        "memory",
        DataValidatorSettings(table_memory_bytes=64 * MIB, table_spill_bytes=0, table_workers=1),
        {"unique": [["a"], ["a", "b"]]},
        TooLarge,
        "more memory than 64 MiB",
    ),
    (
        "disk",
        DataValidatorSettings(table_memory_bytes=64 * MIB, table_spill_bytes=2 * MIB, table_workers=1),
        {"unique": [["a"], ["a", "b"]]},
        TooLarge,
        "more memory than 64 MiB",
    ),
    ("time", DataValidatorSettings(table_timeout_s=3, table_workers=1), {"rules": ENDLESS}, ToolError, "limit of 3 s"),
]


@pytest.mark.parametrize("row", LIMITS, ids=[row[0] for row in LIMITS])
async def test_work_that_takes_too_much_is_ended_and_the_next_call_is_served(
    federation: Federation,
    settings: BusSettings,
    row: tuple[str, DataValidatorSettings, Any, type[FederationError], str],
) -> None:
    _, own, schema, error, words = row
    async with serving(random_table(150_000).encode()) as host:
        own = own.model_copy(update={"allowed_hosts": (host,)})
        arguments = {"table": f"http://{host}/table.csv", "schema": schema}
        async with running_member(build(own), settings):
            with pytest.raises(error, match=words):
                await federation.call(ID, "validate_table", arguments, PATIENT)
            assert (await profiled(federation, "a\n1\n"))["rows"] == 1


async def test_nothing_is_left_behind(federation: Federation, settings: BusSettings, tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    folder.mkdir()
    async with running_member(build(DataValidatorSettings(scratch_dir=folder)), settings):
        await profiled(federation, "a\n1\n")
        with pytest.raises(FederationError):
            await profiled(federation, "")
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize("module", ["jsonschema_rs", "duckdb", "genson", "python_calamine"])
def test_a_missing_engine_is_told_when_the_member_is_built(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=f"Data Validator needs {module}"):
        build()
