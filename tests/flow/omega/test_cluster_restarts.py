"""A federation on three servers: every process of it is restarted under load, and no call and no search fails."""

from __future__ import annotations

import asyncio

import pytest

from omega.handshake import Exit
from tests.support.clustered import SEEN_WITHIN_S, SERVERS, gateways, knows
from tests.support.load import steady_load
from tests.support.nats import until
from tests.support.omega import Omega, client_of

pytestmark = pytest.mark.timeout(300)


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
        await until(lambda: knows(federation, outcome.acknowledged), within=SEEN_WITHIN_S)


async def test_every_server_is_restarted_under_load_and_no_call_fails_and_nothing_is_in_doubt(
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
    assert others == []
    after = cluster_up.processes
    assert all(after[name]["pid"] != before[name]["pid"] for name in SERVERS)
    async with client_of(cluster_up) as federation:
        await until(lambda: knows(federation, outcome.acknowledged), within=SEEN_WITHIN_S)


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
