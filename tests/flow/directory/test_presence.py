"""Register, heartbeat, leave, over a real NATS: what is acknowledged is there, what is silent goes."""

from __future__ import annotations

import asyncio
from typing import Any

import msgpack
import orjson
import pytest

from bus import Bus, BusSettings, Federation, Message, codec, headers
from bus.errors import Conflict, FederationError, InvalidRequest, Malformed, TooLarge, UnknownMember, UnsupportedMedia
from bus.kv import Bucket
from directory import Directory
from tests.support.federation import manifest, running_directory
from tests.support.nats import NatsServer, until


async def status_of(federation: Federation, member: str) -> str | None:
    try:
        return str((await federation.server(member))["status"])
    except UnknownMember:
        return None


async def test_a_registration_is_answered_and_found(federation: Federation) -> None:
    answer = await federation.register(manifest())
    assert answer["status"] == "registered"
    found = await federation.server("my_service")
    assert found | manifest() == found
    assert (found["status"], found["instances"][0]["id"]) == ("active", "default")


async def test_a_plain_publish_registers_too(federation: Federation) -> None:
    await federation.bus.publish("omega.register.my_service", orjson.dumps(manifest()))
    await until(lambda: status_of(federation, "my_service"))


async def test_messagepack_is_read_and_answered_in_kind(federation: Federation) -> None:
    reply = await federation.bus.request(
        "omega.register.my_service.a1", msgpack.packb(manifest()), headers={"Content-Type": "application/msgpack"}
    )
    assert reply.form == codec.MSGPACK
    assert msgpack.unpackb(reply.data)["instance"] == "a1"


async def test_the_record_is_in_the_bucket_before_the_answer(federation: Federation) -> None:
    answer = await federation.register(manifest())
    entry = await Bucket(federation.bus, "omega_registry").get("my_service.default")
    assert entry.revision == answer["revision"]
    assert entry.value is not None
    assert orjson.loads(entry.value)["manifest"]["name"] == "My Service"


async def test_the_same_registration_again_writes_nothing(federation: Federation) -> None:
    first = await federation.register(manifest())
    again = await federation.register(manifest())
    assert (again["status"], again["revision"]) == ("unchanged", first["revision"])


async def test_a_member_of_two_instances_is_active_while_one_is(federation: Federation) -> None:
    await federation.register(manifest(), "one")
    await federation.register(manifest(), "two")
    assert [one["id"] for one in (await federation.server("my_service"))["instances"]] == ["one", "two"]
    await federation.leave("my_service", "one")
    assert await status_of(federation, "my_service") == "active"
    await federation.leave("my_service", "two")
    assert await status_of(federation, "my_service") is None


async def test_leaving_without_an_instance_ends_all_of_them(federation: Federation) -> None:
    for instance in ("one", "two", "three"):
        await federation.register(manifest(), instance)
    assert (await federation.leave("my_service"))["instances"] == ["one", "three", "two"]
    with pytest.raises(UnknownMember):
        await federation.leave("my_service")


async def test_an_older_epoch_is_refused_after_a_newer_registered_or_left(federation: Federation) -> None:
    await federation.register(manifest(epoch=10))
    with pytest.raises(Conflict, match="9"):
        await federation.register(manifest(epoch=9))
    await federation.leave("my_service")
    with pytest.raises(Conflict):
        await federation.register(manifest(epoch=10))
    assert (await federation.register(manifest(epoch=11)))["status"] == "registered"


async def test_a_silent_instance_is_stale_and_then_removed(settings: BusSettings, bus: Bus) -> None:
    from directory import DirectorySettings  # noqa: PLC0415

    rules = DirectorySettings(sweep_interval_s=0.02, probe_timeout_s=0.1, remove_after_s=1.3)
    async with running_directory(settings, rules):
        federation = Federation(bus)
        await federation.register(manifest(heartbeat_interval_s=0.2))
        await until(lambda: has_status(federation, "stale"))
        assert await federation.search(q="thing") == []
        assert len(await federation.search(q="thing", status="any")) == 1
        await until(lambda: has_status(federation, None))


async def has_status(federation: Federation, status: str | None) -> bool:
    return await status_of(federation, "my_service") == status


async def test_a_stale_instance_is_active_after_one_heartbeat(federation: Federation) -> None:
    await federation.register(manifest(heartbeat_interval_s=0.2))
    await until(lambda: has_status(federation, "stale"))
    await federation.heartbeat("my_service")
    await until(lambda: has_status(federation, "active"))


async def test_an_instance_that_answers_the_probe_is_not_stale(federation: Federation) -> None:
    asked = asyncio.Event()

    def pong(message: Message) -> None:
        asked.set()
        federation.bus.respond(message, b"{}")

    federation.bus.listen("omega.ping.my_service.default", pong)
    await federation.register(manifest(heartbeat_interval_s=0.2))
    async with asyncio.timeout(5):
        await asked.wait()
    assert await status_of(federation, "my_service") == "active"


async def test_a_heartbeat_of_nobody_asks_for_an_announcement(federation: Federation) -> None:
    asked = asyncio.Event()
    federation.bus.listen("omega.resync.stranger.default", lambda _: asked.set())
    await federation.bus.flush()
    await federation.heartbeat("stranger")
    async with asyncio.timeout(5):
        await asked.wait()


async def test_two_replicas_give_the_same_answers(federation: Federation, settings: BusSettings) -> None:
    await federation.register(manifest("before"))
    async with running_directory(settings) as second:
        for number in range(20):
            await federation.register(manifest(f"m{number}", tags=["even" if number % 2 == 0 else "odd"]))
        await until(lambda: len(second.index.registry) == 21)
        for query in ({"tag": "even"}, {"tag": "odd", "limit": 3}, {}):
            answers = {stable(await federation.ask("servers", query)) for _ in range(20)}
            assert len(answers) == 1


def stable(answer: dict[str, Any]) -> bytes:
    for server in answer["servers"]:
        server.pop("last_seen")
        server.pop("instances")
    return orjson.dumps(answer)


async def test_a_replica_that_starts_later_knows_what_was_registered(
    federation: Federation, settings: BusSettings
) -> None:
    for number in range(10):
        await federation.register(manifest(f"m{number}"))
    async with running_directory(settings) as late:
        assert len(late.index.registry) == 10


async def test_registrations_survive_the_kill_of_nats(
    federation: Federation, directory: Directory, nats_server: NatsServer
) -> None:
    await federation.register(manifest())
    nats_server.kill()
    nats_server.start()
    await until(lambda: answered(federation))
    assert await status_of(federation, "my_service") == "active"


async def answered(federation: Federation) -> bool:
    try:
        await federation.ask("stats")
    except FederationError:
        return False
    return True


async def test_what_changed_is_in_the_audit_trail(federation: Federation) -> None:
    kinds: list[tuple[str, str | None]] = []
    federation.bus.listen("omega.event.>", lambda m: kinds.append(kind_of(m)))
    await federation.register(manifest())
    await federation.register(manifest(description="other"))
    await federation.leave("my_service")
    with pytest.raises(InvalidRequest):
        await federation.bus.request("omega.register.bad", b'{"id":"bad","name":""}')
    await until(lambda: len(kinds) == 4)
    expected = ["registered", "updated", "left"]
    assert kinds == [(kind, "my_service") for kind in expected] + [("rejected", "bad")]


def kind_of(message: Message) -> tuple[str, str | None]:
    event = orjson.loads(message.data)
    return event["kind"], event["member"]


def nested(levels: int) -> bytes:
    return b'{"id":"m","name":"M","deep":' + b"[" * levels + b"]" * levels + b"}"


REFUSALS: list[tuple[str, str, bytes, str | None, type[FederationError], str]] = [
    ("no JSON", "m", b"{nope", None, Malformed, "not JSON"),
    ("a list", "m", b"[]", None, Malformed, "not an object"),
    ("wrong types", "m", b'{"id":"m","name":7}', None, InvalidRequest, "name"),
    ("no name", "m", b'{"id":"m"}', None, InvalidRequest, "name"),
    ("another id", "m", b'{"id":"x","name":"M"}', None, InvalidRequest, "id"),
    ("a dotted id", "a.b.c", b'{"name":"M"}', None, InvalidRequest, "id"),
    ("65 characters", "m" * 65, b'{"name":"M"}', None, InvalidRequest, "1 to 64"),
    ("the instance any", "m.any", b'{"name":"M"}', None, InvalidRequest, "any"),
    ("nested 1,000 deep", "m", nested(1000), None, Malformed, "32 levels"),
    ("10,000 tags", "m", orjson.dumps(manifest("m", tags=["t"] * 10_000)), None, InvalidRequest, "256"),
    ("a huge description", "m", orjson.dumps(manifest("m", description="d" * 9_000)), None, InvalidRequest, "8192"),
    ("a huge unknown field", "m", orjson.dumps(manifest("m", x="d" * 300_000)), None, TooLarge, "262144"),
    ("a foreign type", "m", b"<m/>", "application/xml", UnsupportedMedia, "application/xml"),
    ("bad MessagePack", "m", b"\xc1", "application/msgpack", Malformed, "MessagePack"),
]


@pytest.mark.parametrize(
    ("tail", "body", "form", "error", "words"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
async def test_a_bad_registration_is_refused_in_words(
    federation: Federation, tail: str, body: bytes, form: str | None, error: type[FederationError], words: str
) -> None:
    sent = {headers.CONTENT_TYPE: form} if form else None
    with pytest.raises(error, match=words):
        await federation.bus.request(f"omega.register.{tail}", body, headers=sent)
    assert (await federation.ask("stats"))["members"] == 0
