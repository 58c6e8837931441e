"""What cameras write."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from members.image_service.exif import Told, kept, location, plain, readable, told


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\nb\0 ", "a b"),
        ("x" * 300, "x" * 200),
        (b"0231", "0231"),
        (b"\x01\x02", None),
        (IFDRational(1, 4), 0.25),
        (IFDRational(1, 0), None),
        (float("nan"), None),
        ((1, 2), [1, 2]),
        (tuple(range(30)), list(range(16))),
        ((), None),
        ({1: 2}, None),
    ],
)
def test_values_are_plain_json(value: Any, expected: Any) -> None:
    assert plain(value) == expected


def test_makers_blocks_pointers_and_places_are_left_out() -> None:
    found = readable(Told(main={0x010F: "Maker", 0x8825: 10, 0x9999: 5}, details={0x927C: b"x"}, gps={2: (1, 2, 3)}))
    assert found == {"Make": "Maker", "0x9999": 5}


@pytest.mark.parametrize(
    ("gps", "expected"),
    [
        ({2: (10, 30, 0), 1: "S", 4: (20, 0, 36), 3: "E"}, {"latitude": -10.5, "longitude": 20.01}),
        ({2: (0, 0, 0), 4: (0, 0, 0), 6: 5, 5: b"\x01"}, {"latitude": 0, "longitude": 0, "altitude_m": -5}),
        ({2: (10, 30), 4: (20, 0, 36)}, None),
        ({2: (500, 0, 0), 4: (20, 0, 36)}, None),
        ({2: "north", 4: (1, 2, 3)}, None),
        ({}, None),
    ],
)
def test_a_place_is_told_in_degrees_or_not_at_all(gps: Any, expected: Any) -> None:
    assert location(Told(gps=gps)) == expected


def test_layout_thumbnail_and_orientation_are_not_kept() -> None:
    source = Told(main={0x0100: 4000, 0x0112: 6, 0x010F: "Maker", 0x0201: 99}, gps={1: "N"}, thumbnail=True)
    fresh = Image.Exif()
    fresh.load(kept(source, with_location=False))
    assert (dict(fresh), told(fresh).gps) == ({0x010F: "Maker"}, {})
    fresh.load(kept(source, with_location=True))
    assert told(fresh).gps == {1: "N"}


def test_nothing_to_keep_is_nothing() -> None:
    assert kept(Told(main={0x0112: 6}), with_location=True) == b""
