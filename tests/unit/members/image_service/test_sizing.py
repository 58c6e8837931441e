"""Resizing, cropping, thumbnails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from members.sandbox.refusals import Invalid, TooLarge
from tests.unit.members.image_service.pictures import Bench, apart, file, gradient, in_mode, moving, with_exif

PLAIN: dict[str, Any] = {"fit": "contain", "upscale": False, "filter": "lanczos", "output": {}}


def resized(bench: Bench, content: bytes, width: int | None, height: int | None, **more: Any) -> dict[str, Any]:
    return bench.run("resize", content, **{**PLAIN, "width": width, "height": height, **more})


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "AVIF"])
def test_the_format_stays_unless_asked(bench: Bench, format: str) -> None:
    assert resized(bench, file(gradient(), format), 24, None)["image"]["format"] == format


@pytest.mark.parametrize("format", ["BMP", "ICO"])
def test_a_format_that_is_not_written_becomes_png(bench: Bench, format: str) -> None:
    assert resized(bench, file(gradient((32, 32)), format), 16, None)["image"]["format"] == "PNG"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("filter", ["nearest", "box", "bilinear", "bicubic", "lanczos"])
def test_every_mode_is_resized_with_every_filter(bench: Bench, mode: str, filter: str) -> None:
    result = resized(bench, file(in_mode(mode)), 24, 16, filter=filter, fit="exact")
    assert (result["image"]["width"], result["image"]["height"]) == (24, 16)
    if mode in ("L", "RGB"):
        assert apart(bench.picture(), gradient().convert(mode).resize((24, 16), Image.Resampling.BOX)) < 4


def test_sixteen_bits_are_resized_as_sixteen_bits(bench: Bench) -> None:
    resized(bench, file(in_mode("I;16")), 24, 16)
    values = np.asarray(bench.picture())
    assert values.dtype == np.uint16 and values.max() > 60_000


def test_colours_behind_transparency_do_not_bleed(bench: Bench) -> None:
    image = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 40, 20))
    resized(bench, file(image), 10, None)
    assert all(red < 10 for red, _, _, alpha in pixels(bench.picture()) if alpha)


def pixels(image: Image.Image) -> list[Any]:
    return list(np.asarray(image).reshape(-1, len(image.getbands())).tolist())


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_resized_frame_by_frame(bench: Bench, format: str) -> None:
    result = resized(bench, moving(format), 12, None)
    assert (result["image"]["frames"], result["image"]["width"]) == (4, 12)
    found = bench.picture()
    found.seek(3)
    assert apart(found, Image.new("RGB", (12, 8), (120, 80, 90))) < 4


def test_the_box_counts_in_the_upright_picture(bench: Bench) -> None:
    content = file(gradient((48, 32)), "JPEG", exif=with_exif(orientation=6))
    assert resized(bench, content, 16, None)["image"]["height"] == 24


@pytest.mark.parametrize(("fit", "size"), [("contain", (120, 90)), ("cover", (120, 120)), ("exact", (120, 120))])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_decoded_small_looks_the_same(bench: Bench, fit: str, size: Any, orientation: int) -> None:
    large = gradient((1200, 900)) if orientation == 1 else gradient((900, 1200))
    content = file(large, "JPEG", quality=95, exif=with_exif(orientation=orientation))
    resized(bench, content, 120, 120, fit=fit, output={"format": "PNG"}, limits={"max_pixels": 2_000_000})
    found = bench.picture()
    assert found.size == size
    upright = large if orientation == 1 else large.transpose(Image.Transpose.ROTATE_270)
    part = upright.crop((150, 0, 1050, 900)) if fit == "cover" else upright
    assert apart(found, part.resize(size, Image.Resampling.LANCZOS)) < 1.5


def test_growing_beyond_the_limit_is_refused(bench: Bench) -> None:
    with pytest.raises(TooLarge, match="4800 x 3200 is more than 1000000 pixels"):
        resized(bench, file(gradient()), 4800, None, upscale=True)


def test_a_crop_is_that_part(bench: Bench) -> None:
    result = bench.run("crop", file(gradient()), box=[10, 5, 20, 12], output={})
    assert result["source"] == {"format": "PNG", "width": 48, "height": 32, "frames": 1}
    assert apart(bench.picture(), gradient().crop((10, 5, 30, 17))) == 0


def test_a_crop_outside_is_refused(bench: Bench) -> None:
    with pytest.raises(Invalid, match="40 x 40 at 10, 5 is not inside the picture of 48 x 32"):
        bench.run("crop", file(gradient()), box=[10, 5, 40, 40], output={})


@pytest.mark.parametrize("square", [False, True])
def test_a_thumbnail_is_small_still_and_bare(bench: Bench, square: bool) -> None:
    output = {"format": "WEBP", "animation": False}
    result = bench.run("thumbnail", moving("GIF"), size=12, square=square, output=output)
    assert (result["image"]["width"], result["image"]["height"]) == ((12, 12) if square else (12, 8))
    assert (result["image"]["frames"], result["notes"]) == (1, ["only the first of 4 frames was kept"])
