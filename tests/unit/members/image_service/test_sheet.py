"""Contact sheets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from members.image_service.sheet import fitted, font, grid
from members.sandbox.refusals import Failed, TooLarge
from tests.unit.members.image_service.pictures import Bench, file

COLOURS = ["red", "lime", "blue", "yellow", "cyan"]


def laid(bench: Bench, *contents: bytes, **more: Any) -> dict[str, Any]:
    own = {"captions": [], "columns": None, "cell": 50, "output": {"format": "PNG"}, **more}
    return bench.run("contact_sheet", *contents, **own)


def plain(count: int = 5) -> list[bytes]:
    return [file(Image.new("RGB", (80, 40), colour)) for colour in COLOURS[:count]]


@pytest.mark.parametrize(
    ("pictures", "columns", "expected"),
    [(1, None, (1, 1)), (4, None, (2, 2)), (5, None, (3, 2)), (5, 2, (2, 3)), (2, 9, (2, 1))],
)
def test_a_grid_is_about_square_unless_asked(pictures: int, columns: int | None, expected: tuple[int, int]) -> None:
    plan = grid(pictures, columns, 50, captioned=False)
    assert (plan.columns, plan.rows) == expected


def test_pictures_stand_in_reading_order(bench: Bench) -> None:
    result = laid(bench, *plain())
    assert (result["pictures"], result["columns"], result["rows"]) == (5, 3, 2)
    found, plan = bench.picture().convert("RGB"), grid(5, None, 50, captioned=False)
    for number, colour in enumerate(COLOURS):
        left, top = plan.corner(number)
        assert found.getpixel((left + 25, top + 25)) == Image.new("RGB", (1, 1), colour).getpixel((0, 0))
        assert found.getpixel((left + 25, top + 5)) == (255, 255, 255), "proportions are kept"


def test_captions_are_written_below(bench: Bench) -> None:
    laid(bench, *plain(2), captions=["first", ""])
    values = np.asarray(bench.picture().convert("L")).astype(int)
    below = values[60:80]
    assert below[:, :60].min() < 100
    assert below[:, 66:].min() == 255


def test_captions_are_light_on_a_dark_ground(bench: Bench) -> None:
    laid(bench, *plain(1), captions=["first"], output={"format": "PNG", "background": "black"})
    assert np.asarray(bench.picture().convert("L"))[60:80].max() > 200


def test_a_long_caption_is_cut_to_its_cell() -> None:
    assert fitted("short", 200) == "short"
    text = fitted("a caption of many words\nand lines", 100)
    assert text.endswith("…") and font().getlength(text) <= 100


def test_letters_that_the_font_lacks_are_told(bench: Bench) -> None:
    assert "Latin letters only" in laid(bench, *plain(1), captions=["図"])["notes"][0]


def test_one_broken_picture_is_named(bench: Bench) -> None:
    noise = file(Image.effect_noise((64, 64), 90), "PNG")
    with pytest.raises(Failed, match=r"images\[1\]: the picture is truncated"):
        laid(bench, plain(1)[0], noise[: len(noise) // 2])


def test_a_sheet_above_the_pixel_limit_is_refused(bench: Bench) -> None:
    with pytest.raises(TooLarge, match="more than 1000000 pixels"):
        laid(bench, *plain(), cell=1000)
