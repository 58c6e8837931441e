"""`omega up --cluster 3`: it outlives any of its servers, and every process of it is restarted under load."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator

import pytest

from bus import Federation
from bus.errors import FederationError
from bus.kv import Bucket
from omega.embedded import read_nodes
from omega.handshake import Exit
from omega.home import Home
from tests.support.federation import manifest
from tests.support.load import steady_load
from tests.support.nats import until
from tests.support.omega import Omega, client_of

pytestmark = pytest.mark.timeout(300)

CLUSTER = ("--cluster", "3", "--no-services", "--no-doors", "--member", "weather:member")
HEALS_WITHIN_S = 60.0
STORED_AGAIN_WITHIN_S = 20.0
"""A killed leader is replaced in four to nine seconds."""
SEEN_WITHIN_S = 10.0
SERVERS = ("nats-1", "nats-2", "nats-3")


@pytest.fixture(scope="module")
def cluster_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Omega]:
    """A cluster with one member, shared by the tests of a module: each leaves it whole."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("OMEGA_")]:
            patch.delenv(name)
        omega = Omega(tmp_path_factory.mktemp("cluster"))
        with omega.up(*CLUSTER) as started:
            assert started.code == Exit.OK, started.err + started.out
            yield omega


def gateways(omega: Omega) -> list[str]:
    return [process["url"] for name, process in omega.processes.items() if name.startswith("gateway")]


async def is_ready(omega: Omega) -> bool:
    return (await asyncio.to_thread(omega, "status")).code == Exit.OK


async def stored(federation: Federation, id: str) -> bool:
    try:
        await federation.register(manifest(id))
    except FederationError:
        return False
    return True


async def known(federation: Federation) -> set[str]:
    ids: set[str] = set()
    for page in range(1, 50):
        reply = await federation.ask("servers", {"status": "any", "limit": 200, "page": page})
        ids |= {server["id"] for server in reply["servers"]}
        if not reply["servers"]:
            break
    return ids


async def answered(federation: Federation) -> bool:
    """A search and a call, both well."""
    try:
        found = await federation.search(tag="forecast")
        said = await federation.call("weather", "forecast", {"city": "Bern"})
    except FederationError:
        return False
    return [server["id"] for server in found] == ["weather"] and said["city"] == "Bern"


def test_there_are_two_of_each_process_and_every_stream_is_on_three_servers(cluster_up: Omega) -> None:
    twice = [name for kind in ("directory", "gateway", "adopter", "weather.member") for name in (kind, f"{kind}-2")]
    assert set(cluster_up.processes) == {*SERVERS, *twice}
    (weather,) = cluster_up("ls", "--json").json["servers"]
    assert len(weather["instances"]) == 2
    assert len(set(gateways(cluster_up))) == 2
    assert cluster_up("doctor", "--json").code == Exit.OK


async def test_any_server_may_be_killed_and_nothing_acknowledged_is_lost(cluster_up: Omega) -> None:
    async with client_of(cluster_up) as federation:
        acknowledged = set()
        for name in SERVERS:  # the leader of the registry's stream is one of them
            before = cluster_up.processes[name]
            os.kill(before["pid"], signal.SIGKILL)
            for number in range(5):
                id = f"{name}_{number}"
                await until(lambda id=id: stored(federation, id), within=STORED_AGAIN_WITHIN_S)
                acknowledged.add(id)
            await until(lambda: answered(federation), within=STORED_AGAIN_WITHIN_S)
            await until(
                lambda name=name, pid=before["pid"]: cluster_up.processes[name]["pid"] not in (None, pid),
                within=HEALS_WITHIN_S,
            )
            await until(lambda: is_ready(cluster_up), within=HEALS_WITHIN_S)
            assert cluster_up.processes[name]["url"] == before["url"]
        bucket = Bucket(federation.bus, federation.bus.settings.bucket)
        assert [id for id in acknowledged if (await bucket.get(f"{id}.default")).value is None] == []
        for _ in range(4):  # whichever replica answers
            await until(lambda: _knows(federation, acknowledged), within=SEEN_WITHIN_S)


async def test_a_killed_member_is_noticed_at_once_whichever_server_it_used(cluster_up: Omega) -> None:
    async with client_of(cluster_up) as federation:
        for name in ("weather.member", "weather.member-2"):
            async with asyncio.timeout(30):
                events = federation.events("stale", "weather")
                heard = asyncio.ensure_future(anext(events))
                await federation.bus.flush()
                os.kill(cluster_up.processes[name]["pid"], signal.SIGKILL)
                assert (await heard)["reason"].startswith("connection lost")
                await events.aclose()  # type: ignore[attr-defined] # it is a generator
            await until(lambda: is_ready(cluster_up), within=HEALS_WITHIN_S)


@pytest.mark.parametrize("reuse", [False, True], ids=["fresh connections", "kept connections"])
async def test_every_process_of_ours_is_restarted_under_load_and_nothing_fails(cluster_up: Omega, reuse: bool) -> None:
    before = cluster_up.processes
    ours = [name for name in before if name not in SERVERS]
    names = ours if not reuse else ["gateway", "gateway-2", "directory"]
    async with steady_load(gateways(cluster_up), reuse=reuse) as outcome:
        await until(lambda: outcome.done.total() > 50, within=20)
        ended = await asyncio.to_thread(cluster_up, "restart", *names)
        assert ended.code == Exit.OK, ended.err + ended.out
    assert outcome.failed == []
    assert min(outcome.done["call"], outcome.done["search"], outcome.done["register"]) > 20, outcome.done
    after = cluster_up.processes
    assert all(after[name]["pid"] != before[name]["pid"] for name in names)
    async with client_of(cluster_up) as federation:
        await until(lambda: _knows(federation, outcome.acknowledged), within=SEEN_WITHIN_S)


async def test_every_server_is_restarted_under_load_and_hardly_a_call_or_a_search_is_of_unknown_outcome(
    cluster_up: Omega,
) -> None:
    before = cluster_up.processes
    async with steady_load(gateways(cluster_up)) as outcome:
        await until(lambda: outcome.done.total() > 50, within=20)
        ended = await asyncio.to_thread(cluster_up, "restart", *SERVERS)
        assert ended.code == Exit.OK, ended.err + ended.out
    registering = [failure for failure in outcome.failed if failure.startswith("register")]
    others = [failure for failure in outcome.failed if not failure.startswith("register")]
    assert all("storage_unavailable" in failure or "outcome_unknown" in failure for failure in registering), registering
    # An answer may still be on its way when its server ends; docs/operations.md says how often that was seen.
    assert all("outcome_unknown" in failure for failure in others), others
    assert len(others) <= outcome.done.total() / 100, others
    after = cluster_up.processes
    assert all(after[name]["pid"] != before[name]["pid"] for name in SERVERS)
    async with client_of(cluster_up) as federation:
        await until(lambda: _knows(federation, outcome.acknowledged), within=SEEN_WITHIN_S)


async def _knows(federation: Federation, ids: set[str]) -> bool:
    return ids <= await known(federation)


def test_one_process_is_restarted_by_its_name(cluster_up: Omega) -> None:
    before = cluster_up.processes
    ended = cluster_up("restart", "directory-2")
    assert ended.code == Exit.OK, ended.err
    after = cluster_up.processes
    assert {name for name in before if before[name]["pid"] != after[name]["pid"]} == {"directory-2"}


def test_restarting_what_is_not_there_names_what_is(cluster_up: Omega) -> None:
    ended = cluster_up("restart", "directory-3")
    assert ended.code == Exit.NOT_FOUND
    assert "directory-2" in ended.err


def test_restarting_where_nothing_is_up_says_so(omega: Omega) -> None:
    assert omega("restart").code == Exit.UNAVAILABLE


async def test_it_comes_back_with_its_data_on_its_ports(omega: Omega) -> None:
    with omega.up(*CLUSTER) as started:
        assert started.code == Exit.OK, started.err + started.out
        async with client_of(omega) as federation:
            await federation.register(manifest("kept"))
        first = read_nodes(Home(omega.home).nodes_file)
        assert omega("down").code == Exit.OK
        assert omega.alive() == []
        port = str(first[0].port)
        again = omega("up", "-d", *CLUSTER, "--port", "0", "--nats-port", port)
        assert again.code == Exit.OK, again.err + again.out
        assert read_nodes(Home(omega.home).nodes_file) == first
        async with client_of(omega) as federation:
            await until(lambda: _knows(federation, {"kept", "weather"}), within=20)
        assert omega("down").code == Exit.OK
        single = omega("up", "-d", "--no-services", "--no-doors", "--port", "0", "--nats-port", "0")
        assert "those of the cluster are there again with --cluster" in single.err + single.out
        assert omega("down").code == Exit.OK
        refused = omega("up", "-d", "--cluster", "5", "--port", "0", "--nats-port", "0", "--no-doors")
        assert refused.code == Exit.FAILED
        assert "holds the data of a cluster of 3" in refused.err


@pytest.mark.parametrize("size", ["0", "2", "4", "7"])
def test_another_number_of_servers_is_refused(omega: Omega, size: str) -> None:
    refused = omega("up", "-d", "--cluster", size)
    assert refused.code == Exit.USAGE
    assert "1, 3 or 5" in refused.err


def test_servers_of_ones_own_and_of_others_are_not_mixed(omega: Omega) -> None:
    assert omega("up", "-d", "--cluster", "3", "--nats", "nats://127.0.0.1:4222").code == Exit.USAGE
    assert json.loads(omega("status", "--json").out)["up"] is False
