"""Sizes and boxes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.image_service.shape import Fit, inside, overlap, planned
from members.sandbox.refusals import Invalid

SIDES = st.integers(1, 5000)


@pytest.mark.parametrize(
    ("fit", "upscale", "asked", "expected"),
    [
        ("contain", False, (100, 100), (100, 50)),
        ("contain", False, (None, 50), (100, 50)),
        ("contain", False, (100, None), (100, 50)),
        ("contain", False, (400, 400), (200, 100)),
        ("contain", True, (400, 400), (400, 200)),
        ("contain", False, (1, 1), (1, 1)),
        ("cover", False, (50, 50), (50, 50)),
        ("cover", False, (300, 300), (100, 100)),
        ("cover", True, (300, 300), (300, 300)),
        ("cover", False, (400, 100), (200, 50)),
        ("exact", False, (30, 90), (30, 90)),
        ("exact", False, (300, 90), (200, 90)),
        ("exact", True, (300, 900), (300, 900)),
    ],
)
def test_a_picture_of_200_by_100_becomes(fit: Fit, upscale: bool, asked: tuple[Any, Any], expected: Any) -> None:
    assert planned((200, 100), *asked, fit=fit, upscale=upscale).size == expected


@pytest.mark.parametrize("fit", ["contain", "cover", "exact"])
def test_a_size_that_is_not_given_is_refused(fit: Fit) -> None:
    with pytest.raises(Invalid, match="width, height: give one"):
        planned((200, 100), None, None, fit=fit, upscale=False)


def test_cover_shows_the_middle() -> None:
    plan = planned((200, 100), 50, 50, fit="cover", upscale=False)
    assert plan.part((200, 100)) == (50, 0, 150, 100)
    assert plan.part((100, 50)) == (25, 0, 75, 50), "the same part of a picture decoded smaller"
    assert plan.whole == (100, 50)


@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(["contain", "cover", "exact"]))
def test_nothing_grows_unless_asked(width: int, height: int, wide: int, high: int, fit: Fit) -> None:
    size = planned((width, height), wide, high, fit=fit, upscale=False).size
    assert 1 <= size[0] <= min(width, wide) and 1 <= size[1] <= min(height, high)


@given(SIDES, SIDES, SIDES, SIDES, st.booleans(), st.sampled_from(["contain", "cover", "exact"]))
def test_only_what_is_there_is_shown(width: int, height: int, wide: int, high: int, up: bool, fit: Fit) -> None:
    plan = planned((width, height), wide, high, fit=fit, upscale=up)
    left, top, right, bottom = plan.part((width, height))
    assert 0 <= left < right <= width + 1e-6 and 0 <= top < bottom <= height + 1e-6


@pytest.mark.parametrize("box", [(0, 0, 11, 10), (0, 0, 10, 11), (10, 0, 1, 1), (-1, 0, 5, 5), (0, 0, 0, 5)])
def test_a_crop_that_leaves_the_picture_is_refused_with_its_size(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(Invalid, match="not inside the picture of 10 x 10"):
        inside((10, 10), box)


def test_a_box_is_cut_to_the_picture_and_refused_outside_it() -> None:
    assert overlap((10, 10), (-5, 8, 8, 8), "boxes[0]") == (0, 8, 3, 10)
    with pytest.raises(Invalid, match=r"boxes\[3\]: outside the picture of 10 x 10"):
        overlap((10, 10), (10, 0, 5, 5), "boxes[3]")
