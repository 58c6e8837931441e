"""What was acknowledged is on the disk: the server killed, the power cut, and the sync seen."""

from __future__ import annotations

import random
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.chaos import power_cut, write_path
from tests.chaos.power_loss import PowerLoss, Servers

KILLS = 20
CUTS = {1: 6, 3: 2}
"""By number of servers: three first elect a leader after each."""
WRITES = 10
WRITERS = 8

pytestmark = pytest.mark.timeout(180)


async def test_nothing_acknowledged_is_lost_when_the_server_is_killed_at_once(tmp_path: Path) -> None:
    power = PowerLoss(Servers(tmp_path), random.Random(1))
    await power.rounds(KILLS, WRITERS)
    assert power.tally.kills == KILLS
    assert len(power.tally.acknowledged) > KILLS
    assert not power.tally.lost


@pytest.mark.parametrize("count", [1, 3])
async def test_nothing_acknowledged_is_lost_when_the_power_of_every_server_is_cut(tmp_path: Path, count: int) -> None:
    power = await _cut(tmp_path, count)
    assert power.tally.kills == CUTS[count]
    assert not power.tally.lost


async def test_the_cut_is_one_for_a_server_that_does_not_sync(tmp_path: Path) -> None:
    """Else the test above could not fail."""
    assert (await _cut(tmp_path, 1, synced=False)).tally.lost


async def _cut(directory: Path, count: int, *, synced: bool = True) -> PowerLoss:
    if (reason := power_cut.why_not(directory / "tried")) is not None:
        pytest.skip(reason)
    with ExitStack() as stack:
        disks = [stack.enter_context(power_cut.disk(directory / f"disk-{number}")) for number in range(count)]
        servers = Servers(directory / "servers", count, disks)
        if not synced:
            servers.unsync()
        power = PowerLoss(servers, random.Random(1))
        await power.rounds(CUTS[count], WRITERS)
    return power


async def test_a_write_is_synced_before_it_is_acknowledged(tmp_path: Path) -> None:
    _needs_strace()
    ways = await write_path.of_one_server(tmp_path, WRITES)
    assert [way.acknowledged is not None and way.synced_before() for way in ways] == [1] * WRITES


async def test_in_a_cluster_two_of_three_have_synced_it_before_it_is_acknowledged(tmp_path: Path) -> None:
    _needs_strace()
    ways = await write_path.of_a_cluster(tmp_path, WRITES)
    assert all(way.acknowledged is not None and way.synced_before() >= 2 for way in ways)


async def test_a_server_that_is_not_told_to_acknowledges_first(tmp_path: Path) -> None:
    """Else the two tests above could not fail."""
    _needs_strace()
    ways = await write_path.of_one_server(tmp_path, WRITES, synced=False)
    assert any(way.acknowledged is not None and way.synced_before() == 0 for way in ways)


def _needs_strace() -> None:
    if (reason := write_path.why_not()) is not None:
        pytest.skip(reason)
