"""What a soak calls growth."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.soak.census import BOUNDS, Series, grown
from tests.soak.plot import TITLES, drawn


def series(figure: str, *values: float) -> Series:
    return Series("gateway", figure, [(float(minute), value) for minute, value in enumerate(values)])


def test_a_warm_up_is_no_growth() -> None:
    assert grown([series("tasks", *[2] * 10, *[100] * 50)]) == []


@pytest.mark.parametrize("figure", BOUNDS)
def test_what_rises_to_the_end_has_grown(figure: str) -> None:
    rising = series(figure, *(1_000_000.0 * minute for minute in range(60)))
    assert grown([rising]) == [rising]


@pytest.mark.parametrize("figure", BOUNDS)
def test_what_goes_up_and_down_has_not(figure: str) -> None:
    assert grown([series(figure, *(100.0 + minute % 2 for minute in range(60)))]) == []


MIB = 2**20


def of_the_server(*mebibytes: float) -> Series:
    return Series("nats-server", "rss", [(float(minute), value * MIB) for minute, value in enumerate(mebibytes)])


def test_what_is_known_to_be_taken_once_is_no_growth() -> None:
    once = of_the_server(*[100] * 30, *[116] * 30)
    assert grown([once]) == []
    assert grown([Series("gateway", "rss", once.points)]) != []


def test_a_second_step_and_a_slope_beside_the_first_are_growth() -> None:
    assert grown([of_the_server(*[100] * 25, *[116] * 20, *[130] * 15)])
    assert grown([of_the_server(*(100 + minute / 2 for minute in range(60)))])


def test_one_descriptor_a_minute_is_found() -> None:
    assert grown([series("fds", *range(20, 80))])


def test_the_picture_has_a_panel_for_every_figure_and_a_line_for_every_process() -> None:
    both = [series(figure, 1, 2, 3) for figure in TITLES]
    picture = ElementTree.fromstring(drawn(both))
    words = {node.text for node in picture.iter() if node.text}
    assert set(TITLES.values()) <= words and "gateway" in words
    assert len([node for node in picture.iter() if node.tag.endswith("polyline")]) == len(TITLES)
