"""How far two pictures differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from members.image_service import pixels
from members.image_service.comparison import ssim
from tests.unit.members.image_service.pictures import Bench, file, gradient, moving


def compared(bench: Bench, one: Image.Image, other: Image.Image, **more: Any) -> dict[str, Any]:
    own = {"tolerance": 0, "resize": False, "difference": False, **more}
    return bench.run("compare", file(one), file(other), **own)


def test_the_same_picture_does_not_differ(bench: Bench) -> None:
    found = compared(bench, gradient(), gradient())
    assert found == {
        "same_file": True, "same_size": True, "different_pixels": 0, "different_share": 0.0, "different_box": None,
        "max_error": 0, "mean_absolute_error": 0.0, "root_mean_square_error": 0.0, "psnr_db": None,
        "ssim": pytest.approx(1.0, abs=1e-6), "hash_distance": 0, "notes": [],
    }  # fmt: skip


def test_a_changed_area_is_counted_and_boxed(bench: Bench) -> None:
    changed = gradient()
    changed.paste((0, 0, 0), (10, 20, 14, 22))
    changed.paste((0, 0, 0), (30, 25, 31, 26))
    found = compared(bench, gradient(), changed)
    assert (found["different_pixels"], found["different_share"]) == (9, 9 / (48 * 32))
    assert found["different_box"] == {"x": 10, "y": 20, "width": 21, "height": 6}
    assert found["ssim"] < 0.99


def test_errors_are_those_of_the_formulas(bench: Bench) -> None:
    found = compared(bench, Image.new("RGB", (20, 20), (100, 100, 100)), Image.new("RGB", (20, 20), (110, 100, 100)))
    assert found["mean_absolute_error"] == pytest.approx(10 / 4)
    assert found["root_mean_square_error"] == pytest.approx((100 / 4) ** 0.5)
    assert found["psnr_db"] == pytest.approx(10 * np.log10(255**2 / 25))
    assert found["max_error"] == 10


def test_a_difference_within_the_tolerance_is_none(bench: Bench) -> None:
    pair = (Image.new("L", (20, 20), 100), Image.new("L", (20, 20), 103))
    assert compared(bench, *pair, tolerance=3)["different_pixels"] == 0
    assert compared(bench, *pair, tolerance=2)["different_pixels"] == 400


def test_hidden_colours_do_not_count_and_transparency_does(bench: Bench) -> None:
    clear = [Image.new("RGBA", (12, 12), (shade, 0, 0, 0)) for shade in (0, 200)]
    assert compared(bench, *clear)["different_pixels"] == 0
    white = Image.new("RGBA", (12, 12), "white")
    assert compared(bench, clear[0], white)["different_pixels"] == 144


def test_sizes_that_differ_are_compared_by_hash_or_resized(bench: Bench) -> None:
    one, other = gradient((60, 40)), gradient((120, 80))
    found = compared(bench, one, other)
    assert (found["same_size"], found["ssim"], found["different_share"]) == (False, None, None)
    assert found["hash_distance"] <= 4
    assert found["notes"] == ["the sizes differ: pixels were not compared"]
    found = compared(bench, one, other, resize=True)
    assert (found["same_size"], found["ssim"] > 0.99) == (False, True)
    assert found["notes"] == ["the second picture was resized from 120 x 80"]


def test_the_difference_picture_is_red_where_they_differ(bench: Bench) -> None:
    changed = gradient()
    changed.paste((255, 255, 255), (0, 0, 8, 8))
    found = compared(bench, gradient(), changed, difference=True)
    assert (found["difference"]["format"], found["difference"]["width"]) == ("PNG", 48)
    picture = np.asarray(bench.picture("difference")).astype(int)
    assert (picture[:8, :8, 0] - picture[:8, :8, 1] > 20).all()
    assert (picture[10:, 10:, 0] == picture[10:, 10:, 1]).all()


def test_only_first_frames_are_compared(bench: Bench) -> None:
    found = bench.run("compare", moving("GIF"), moving("GIF"), tolerance=0, resize=False, difference=False)
    assert found["notes"][0] == "images[0]: only the first of 4 frames was compared"


# structural similarity ----------------------------------------------------------------------------------------------


def by_the_book(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    """Wang et al. 2004, window by window, in double precision: slow and plain."""
    line = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line) / np.outer(line, line).sum()
    one, other = (sliding_window_view(values.astype(float), (11, 11)) for values in (x, y))
    mean_x, mean_y = (one * window).sum((2, 3)), (other * window).sum((2, 3))
    apart_x, apart_y = one - mean_x[..., None, None], other - mean_y[..., None, None]
    var_x, var_y = (window * apart_x**2).sum((2, 3)), (window * apart_y**2).sum((2, 3))
    cov = (window * apart_x * apart_y).sum((2, 3))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
    return float((top / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).mean())


@pytest.mark.parametrize("strength", [0, 3, 20, 90])
@pytest.mark.parametrize("band", [200, 100_000])
def test_ssim_is_that_of_the_paper(strength: int, band: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "BAND_PIXELS", band)
    chance = np.random.default_rng(strength)
    x = np.asarray(gradient((70, 50)).convert("L"))
    y = (x + chance.normal(0, strength, x.shape)).clip(0, 255).astype(np.uint8)
    assert ssim(Image.fromarray(x), Image.fromarray(y)) == pytest.approx(by_the_book(x, y), abs=2e-4)


def test_ssim_of_plain_shades_is_the_luminance_term() -> None:
    one, other = (Image.new("L", (30, 30), shade) for shade in (100, 150))
    c1 = (0.01 * 255) ** 2
    assert ssim(one, other) == pytest.approx((2 * 100 * 150 + c1) / (100**2 + 150**2 + c1), abs=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (10, 10), (11, 3), (400, 1)])
def test_ssim_of_small_pictures_is_a_number(size: tuple[int, int]) -> None:
    assert ssim(Image.new("L", size, 7), Image.new("L", size, 7)) == pytest.approx(1)
    assert ssim(Image.new("L", size, 0), Image.new("L", size, 255)) < 0.01
