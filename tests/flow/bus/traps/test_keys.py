"""Keys and changes of the registry: expired ones, odd acknowledgement subjects, and a server that restarts."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import nats
import orjson
import pytest
from nats.js.client import JetStreamContext
from nats.js.errors import KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from bus import Bus, BusSettings, Federation, Instance, streams
from bus.errors import FederationError
from bus.kv import Bucket, Write
from directory import DirectorySettings
from tests.support.bare_nats import bare_client
from tests.support.federation import manifest, running_directory
from tests.support.nats import CONFIG, NatsServer, until

BLIND = DirectorySettings(gap_check_s=60)
"""A directory that compares with the storage only when it has a reason to."""
NEW_ACKS = CONFIG.replace("js_ack_fc_v2: false", "js_ack_fc_v2: true")


async def bare_bucket(js: JetStreamContext) -> KeyValue:
    return await js.create_key_value(bucket="bare", limit_marker_ttl=30)  # type: ignore[arg-type]


# expired keys ---------------------------------------------------------------------------------------------------------


async def test_the_bare_client_shows_expired_keys_as_live_and_cannot_create_them_again(nats_server: NatsServer) -> None:
    async with bare_client(nats_server.url) as client:
        js = client.jetstream()
        bucket = await bare_bucket(js)
        await bucket.create("key", b"value", msg_ttl=1)

        async def expired() -> bool:
            return (await js.stream_info("KV_bare")).state.last_seq == 2

        await until(expired)
        assert (await bucket.get("key")).revision == 2
        with pytest.raises(KeyWrongLastSequenceError):
            await bucket.create("key", b"again")


async def test_an_expired_key_is_gone_and_can_be_created_again(bus: Bus) -> None:
    await streams.prepare(bus)
    bucket = Bucket(bus, bus.settings.bucket)
    await bucket.put(Write("key", b"value", 0, ttl_s=1))

    async def expired() -> bool:
        return (await bucket.get("key")).value is None

    assert not await expired()
    await until(expired)
    gone = await bucket.get("key")
    await bucket.put(Write("key", b"again", gone.revision))
    assert (await bucket.get("key")).value == b"again"


# acknowledgement subjects of another form -----------------------------------------------------------------------------


async def test_the_bare_client_is_ended_by_acknowledgement_subjects_of_the_new_form(nats_server: NatsServer) -> None:
    nats_server.config = NEW_ACKS
    nats_server.restart()
    async with bare_client(nats_server.url) as client:
        bucket = await bare_bucket(client.jetstream())
        await bucket.put("key", b"value")
        with suppress(nats.errors.Error, TimeoutError):
            await asyncio.wait_for(bucket.watchall(), 0.5)
        await until(lambda: client._reading_task is not None and client._reading_task.done())
        assert client.is_connected


async def test_the_registry_works_with_acknowledgement_subjects_of_the_new_form(
    nats_server: NatsServer, settings: BusSettings, bus: Bus
) -> None:
    nats_server.config = NEW_ACKS
    nats_server.restart()
    await until(lambda: bus.connected)
    async with running_directory(settings, BLIND) as directory:
        await Federation(bus).register(manifest("one"))
        await until(lambda: directory.index.registry.get("one") is not None)


async def test_the_registry_needs_no_consumers(bus: Bus, settings: BusSettings) -> None:
    async with running_directory(settings), running_directory(settings):
        await Federation(bus).register(manifest("one"))
        reply = await bus.request("$JS.API.STREAM.LIST", b"")
        found = {
            each["config"]["name"]: each["state"]["consumer_count"] for each in orjson.loads(reply.data)["streams"]
        }
    assert set(found.values()) == {0}
    assert f"KV_{settings.bucket}" in found


# changes after a restart ----------------------------------------------------------------------------------------------


async def test_the_bare_watcher_misses_changes_for_seconds_after_a_restart(nats_server: NatsServer, bus: Bus) -> None:
    """Until two of its heartbeats are missing: up to twenty seconds."""
    async with bare_client(nats_server.url, reconnect_time_wait=0.05) as client:
        bucket = await bare_bucket(client.jetstream())
        watcher = await bucket.watchall()
        assert await watcher.updates() is None  # nothing is there yet
        nats_server.kill()
        await until(lambda: not client.is_connected and not bus.connected)
        nats_server.start()
        await until(lambda: client.is_connected and bus.connected)
        await until(lambda: storage_is_back(bus, "bare"))
        await bucket.put("key", b"value")
        with pytest.raises(nats.errors.TimeoutError):
            await watcher.updates(timeout=1.5)
        await watcher.stop()


async def storage_is_back(bus: Bus, bucket: str) -> bool:
    try:
        told = await bus.request(f"$JS.API.STREAM.INFO.KV_{bucket}", b"", timeout=0.3)
    except FederationError:
        return False
    return "error" not in orjson.loads(told.data)


async def test_a_change_after_a_restart_is_seen_at_once(
    nats_server: NatsServer, settings: BusSettings, bus: Bus
) -> None:
    async with running_directory(settings, BLIND) as directory:
        federation = Federation(bus)
        await federation.register(manifest("before"))
        nats_server.kill()
        await until(lambda: not bus.connected and not directory._bus.connected)
        nats_server.start()
        await until(lambda: bus.connected and directory._bus.connected)
        await until(lambda: storage_is_back(bus, settings.bucket))
        bucket = Bucket(bus, settings.bucket)
        record = await bucket.get(Instance("before", "default").key)
        assert record.value is not None
        revision = await bucket.put(Write("after.default", record.value.replace(b"before", b"after"), 0))
        before = time.perf_counter()
        await until(lambda: directory.follower.place == revision)
        assert time.perf_counter() - before < 0.5
