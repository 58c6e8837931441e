"""Questions to a directory over a real NATS, as a person with the stock client asks them."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from bus import Bus, BusSettings, Federation, codec
from bus.errors import FederationError, InvalidRequest, Malformed, UnknownMember
from directory import Directory
from tests.support.federation import calculator, manifest, running_member
from tests.support.nats import until


async def ids(federation: Federation, **query: Any) -> list[str]:
    return [server["id"] for server in await federation.search(**query)]


@pytest.fixture
async def three(federation: Federation) -> Federation:
    """Three members that differ in everything discovery looks at."""
    await federation.register(
        manifest("weather", name="Weather", description="Forecasts", tags=["data", "free"], version="1.4.0")
    )
    await federation.register(
        manifest(
            "code",
            name="Code",
            description="Reads code",
            tags=["data", "paid"],
            version="2.0.0-rc1",
            capabilities=["repo.read", "code_analysis"],
        )
    )
    await federation.register(manifest("image", name="Image", description="Pictures", tags=["media"], version="0.9"))
    return federation


async def test_an_empty_request_asks_for_all(three: Federation, bus: Bus) -> None:
    answer = orjson.loads((await bus.request("omega.directory.servers", b"")).data)
    assert ([one["id"] for one in answer["servers"]], answer["total"]) == (["code", "image", "weather"], 3)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"tag": "data"}, ["code", "weather"]),
        ({"tag": ["data", "free"]}, ["weather"]),
        ({"tag": "data", "without_tag": "paid"}, ["weather"]),
        ({"capability": "repo.read"}, ["code"]),
        ({"capability": ["repo.read", "custom_capability"]}, []),
        ({"version": ">=1.0 <2"}, ["weather"]),
        ({"version": "^0.9"}, ["image"]),
        ({"tag": "Data"}, []),
        ({"status": "stale"}, []),
        ({"status": "any", "limit": 2, "page": 2}, ["weather"]),
    ],
)
async def test_every_condition_must_hold(three: Federation, query: dict[str, Any], found: list[str]) -> None:
    assert await ids(three, **query) == found


async def test_a_page_tells_how_many_there_are_and_which_is_next(three: Federation) -> None:
    first = await three.ask("servers", {"limit": 2})
    assert (first["total"], first["page"], first["limit"], first["next_page"]) == (3, 1, 2, 2)
    assert (await three.ask("servers", {"limit": 2, "page": 2}))["next_page"] is None


async def test_words_find_what_they_mean_even_mistyped(federation: Federation) -> None:
    await federation.register(manifest("weather", name="Weather", description="Forecasts rain and sun"))
    await until(lambda: finds(federation, "forecast"), within=2)
    assert await ids(federation, q="wether") == ["weather"]


async def finds(federation: Federation, text: str) -> bool:
    return bool(await ids(federation, q=text))


BAD: list[tuple[str, bytes, type[FederationError], str]] = [
    ("servers", b'{"tags": "code"}', InvalidRequest, "tags"),
    ("search", b'{"limit": 0}', InvalidRequest, "limit"),
    ("search", b'{"limit": 1001}', InvalidRequest, "1000"),
    ("search", b'{"page": "two"}', InvalidRequest, "page"),
    ("search", b'{"status": "dead"}', InvalidRequest, "status"),
    ("search", b'{"version": "newest"}', InvalidRequest, "version"),
    ("search", b'{"q": "' + b"x" * 600 + b'"}', InvalidRequest, "512"),
    ("server", b"{}", InvalidRequest, "id"),
    ("server", b'{"id": "*"}', InvalidRequest, "id"),
    ("server", b'{"id": "nobody"}', UnknownMember, "nobody"),
    ("select", b'{"limit": 1}', InvalidRequest, "limit"),
    ("tools", b'{"server": "a.b"}', InvalidRequest, "server"),
    ("tags", b'{"tag": "x"}', InvalidRequest, "tag"),
    ("stats", b'{"x": 1}', InvalidRequest, "x"),
    ("servers", b"nope", Malformed, "JSON"),
]


@pytest.mark.parametrize(("verb", "body", "error", "words"), BAD, ids=[f"{row[0]} {row[1][:24]!r}" for row in BAD])
async def test_a_bad_question_is_refused_by_the_name_of_what_is_bad(
    federation: Federation, verb: str, body: bytes, error: type[FederationError], words: str
) -> None:
    with pytest.raises(error, match=words):
        await federation.ask_bytes(verb, body)


async def test_messagepack_is_answered_in_messagepack(three: Federation, bus: Bus) -> None:
    reply = await bus.request(
        "omega.directory.search", codec.encode({"tag": "media"}, codec.MSGPACK), headers={"Content-Type": codec.MSGPACK}
    )
    assert reply.form == codec.MSGPACK
    assert codec.decode(reply.data, codec.MSGPACK)["servers"][0]["id"] == "image"


async def test_tags_and_tools_are_listed_with_their_members(three: Federation, settings: BusSettings) -> None:
    tags = (await three.ask("tags"))["tags"]
    assert tags[0] == {"tag": "data", "count": 2}
    async with running_member(calculator(), settings):
        tools = (await three.ask("tools", {"server": "calculator"}))["tools"]
        assert {(tool["server"], tool["name"]) for tool in tools} >= {("calculator", "add"), ("calculator", "count")}


async def test_select_takes_the_live_one_before_the_newer_one(federation: Federation) -> None:
    await federation.register(manifest("old", version="1.0.11"))
    await federation.register(manifest("newer", version="1.1.0"))
    await federation.register(manifest("dead", version="9.0.0", heartbeat_interval_s=0.2))
    assert (await federation.select(capability="custom_capability", status="any") or {})["id"] == "dead"
    await until(lambda: is_stale(federation, "dead"))
    await federation.heartbeat("old")
    chosen = await federation.select(capability="custom_capability", status="any")
    assert chosen is not None
    assert (chosen["id"], chosen["status"]) == ("newer", "active")


async def is_stale(federation: Federation, member: str) -> bool:
    return bool((await federation.server(member))["status"] == "stale")


async def test_select_takes_the_quickest_of_equals(federation: Federation, bus: Bus) -> None:
    for instance in ("quick", "slow"):
        await federation.register(manifest("twin"), instance)
    bus.listen("omega.ping.twin.quick", lambda m: bus.respond(m, b"{}"))
    await bus.flush()
    answer = await federation.ask("select", {"tag": "custom"})
    assert (answer["instance"], answer["considered"]) == ("quick", 2)
    assert answer["response_time_ms"] < 250


async def test_nothing_selected_is_an_answer(federation: Federation) -> None:
    assert await federation.select(capability="no.such") is None


async def test_a_wish_for_nobody_names_who_is_near(three: Federation) -> None:
    with pytest.raises(UnknownMember) as caught:
        await three.server("wether")
    assert "weather" in str(caught.value.details)


async def test_directory_and_members_answer_as_micro_services(
    federation: Federation, settings: BusSettings, directory: Directory
) -> None:
    async with running_member(calculator(), settings):
        found: dict[str, dict[str, Any]] = {}
        inbox = federation.bus.open_reply(lambda m: found.update(named(m)))
        federation.bus.send("$SRV.INFO", b"", reply=inbox)
        await until(lambda: {"omega-directory", "calculator"} <= found.keys())
        federation.bus.close_reply(inbox)
        assert found["omega-directory"]["type"] == "io.nats.micro.v1.info_response"
        assert {one["name"] for one in found["calculator"]["endpoints"]} == {"call", "mcp"}
        await federation.call("calculator", "add", {"a": 1, "b": 2})
        stats = orjson.loads((await federation.bus.request("$SRV.STATS.calculator", b"")).data)
        assert {one["name"]: one["num_requests"] for one in stats["endpoints"]}["call"] == 1


def named(message: Any) -> dict[str, dict[str, Any]]:
    told = orjson.loads(message.data)
    return {told["name"]: told}


async def test_the_audit_trail_is_kept_in_its_stream(federation: Federation, bus: Bus) -> None:
    await federation.register(manifest())
    await federation.leave("my_service")

    async def kept() -> bool:
        info = orjson.loads((await bus.request("$JS.API.STREAM.INFO.OMEGA_EVENTS", b"")).data)
        return bool(info["state"]["messages"] == 2)

    await until(kept)


async def test_a_question_with_no_directory_is_answered_at_once(bus: Bus) -> None:
    async with asyncio.timeout(1):
        with pytest.raises(FederationError, match="No directory answers"):
            await Federation(bus).ask("servers")
