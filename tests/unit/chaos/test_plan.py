"""The schedule of faults: from the seed alone, and never more than a federation of three and two can bear."""

from __future__ import annotations

import pytest

from tests.chaos.plan import INFRASTRUCTURE, MEMBERS, NODES, PAIR, Kind, Part, make_plan, short_plan


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert make_plan(5, 600) == make_plan(5, 600)
    assert short_plan(5) == short_plan(5)


def test_another_seed_gives_another_schedule() -> None:
    assert make_plan(5, 600) != make_plan(6, 600)
    assert short_plan(5) != short_plan(6)


@pytest.mark.parametrize("seed", range(20))
def test_every_kind_of_fault_comes_before_any_comes_again(seed: int) -> None:
    faults = make_plan(seed, 600).infrastructure
    first = [(fault.part, fault.kind) for fault in faults[: len(INFRASTRUCTURE)]]
    assert sorted(first) == sorted(INFRASTRUCTURE)


def test_a_schedule_is_longer_than_its_run_can_be() -> None:
    plan = make_plan(1, 600)
    assert sum(fault.pause + fault.lasts for fault in plan.infrastructure) > 600
    assert sum(fault.pause + fault.lasts for fault in plan.members) > 600


@pytest.mark.parametrize("seed", range(20))
def test_every_fault_has_a_target_that_is_there(seed: int) -> None:
    plan = make_plan(seed, 600)
    for fault in (*plan.infrastructure, *plan.members):
        count = {Part.NODE: NODES, Part.LEADER: NODES, Part.MEMBER: MEMBERS}.get(fault.part, PAIR)
        assert 0 <= fault.which < count


def test_a_network_fault_lasts_and_a_slow_one_says_how_slow() -> None:
    for fault in make_plan(3, 600).infrastructure:
        assert (fault.amount > 0) == (fault.kind in (Kind.SLOW, Kind.SLOW_ROUTES))
        assert (fault.lasts > 0) == (fault.kind not in (Kind.CUT, Kind.RESTART))


def test_the_short_schedule_hurts_nodes_directories_gateways_members_and_the_network() -> None:
    plan = short_plan(1)
    assert {fault.part for fault in plan.infrastructure} == {Part.NODE, Part.LEADER, Part.DIRECTORY, Part.GATEWAY}
    assert {Kind.KILL, Kind.FREEZE, Kind.CUT, Kind.SLOW, Kind.APART} <= {fault.kind for fault in plan.infrastructure}
    assert {fault.kind for fault in plan.members} == {Kind.KILL, Kind.FREEZE, Kind.RESTART}
