"""What a hub shows of the registries of several sites."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bus.messages import Status
from bus.subjects import Instance
from directory.record import Record
from directory.sites import Sites

WHO = Instance("weather", "one")


def record(*, epoch: int = 1, status: Status = Status.ACTIVE, **manifest: str) -> Record:
    return Record(WHO, {"name": "Weather", **manifest}, epoch, "d", status, 10.0, 10.0)


@pytest.fixture
def sites() -> Sites:
    return Sites(["east", "west"])


def test_what_no_site_has_is_not_shown(sites: Sites) -> None:
    assert sites.shown(WHO) is None


def test_a_record_is_shown_with_its_site(sites: Sites) -> None:
    assert sites.hold("east", WHO, record()) == {WHO}
    shown = sites.shown(WHO)
    assert shown is not None
    assert shown.manifest["site"] == "east"


def test_a_site_that_a_member_named_itself_is_kept(sites: Sites) -> None:
    sites.hold("east", WHO, record(site="cellar"))
    shown = sites.shown(WHO)
    assert shown is not None
    assert shown.manifest["site"] == "cellar"


@pytest.mark.parametrize("ended", [None, record(status=Status.LEFT), record(status=Status.EXPIRED)])
def test_who_left_its_site_is_shown_no_more(sites: Sites, ended: Record | None) -> None:
    sites.hold("east", WHO, record())
    sites.hold("east", WHO, ended)
    assert sites.shown(WHO) is None


def test_of_two_sites_the_one_where_it_lives_counts(sites: Sites) -> None:
    sites.hold("east", WHO, record(epoch=2, status=Status.STALE))
    sites.hold("west", WHO, record(epoch=1))
    shown = sites.shown(WHO)
    assert shown is not None
    assert (shown.manifest["site"], shown.status) == ("west", Status.ACTIVE)


def test_of_two_living_ones_the_later_life_counts(sites: Sites) -> None:
    sites.hold("east", WHO, record(epoch=1))
    sites.hold("west", WHO, record(epoch=2))
    shown = sites.shown(WHO)
    assert shown is not None
    assert shown.manifest["site"] == "west"


def test_of_a_site_that_is_cut_off_nobody_is_known_to_live(sites: Sites) -> None:
    sites.hold("east", WHO, record(epoch=2))
    assert sites.set_away("east", away=True) == {WHO}
    shown = sites.shown(WHO)
    assert shown is not None
    assert shown.status is Status.STALE
    assert sites.set_away("east", away=True) == set()


def test_while_a_site_is_cut_off_the_copy_of_another_counts(sites: Sites) -> None:
    sites.hold("east", WHO, record(epoch=2))
    sites.hold("west", WHO, record(epoch=1))
    sites.set_away("east", away=True)
    shown = sites.shown(WHO)
    assert shown is not None
    assert shown.manifest["site"] == "west"


def test_a_site_that_is_back_is_shown_as_it_was(sites: Sites) -> None:
    sites.hold("east", WHO, record())
    before = sites.shown(WHO)
    sites.set_away("east", away=True)
    assert sites.set_away("east", away=False) == {WHO}
    assert sites.shown(WHO) == before


def test_a_site_read_again_holds_nothing_that_it_does_not(sites: Sites) -> None:
    other = Instance("clock", "one")
    sites.hold("east", WHO, record())
    assert sites.hold_exactly("east", [replace(record(), who=other)]) == {WHO, other}
    assert sites.shown(WHO) is None
    assert sites.shown(other) is not None
    assert sites.instances_of("east") == 1
