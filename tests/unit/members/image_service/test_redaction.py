"""What is redacted is gone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from members.sandbox.refusals import Invalid
from tests.unit.members.image_service.pictures import Bench, apart, file, gradient, in_mode, moving, with_exif

BOX = {"x": 8, "y": 6, "width": 20, "height": 16}


def redacted(bench: Bench, content: bytes, *boxes: dict[str, int], **more: Any) -> dict[str, Any]:
    own = {"method": "fill", "color": "black", "output": {}, "boxes": boxes or (BOX,), **more}
    return bench.run("redact", content, **own)


def text(shift: int = 0) -> Image.Image:
    """Stripes one pixel wide, as small letters are."""
    values = np.indices((64, 96)).sum(axis=0) + shift
    return Image.fromarray(((values % 2) * 255).astype(np.uint8)).convert("RGB")


def test_filled_pixels_are_of_one_colour_and_the_rest_is_untouched(bench: Bench) -> None:
    result = redacted(bench, file(gradient()), color="#102030")
    found = bench.picture()
    assert found.crop((8, 6, 28, 22)).getcolors() == [(320, (16, 32, 48))]
    found.paste(gradient().crop((8, 6, 28, 22)), (8, 6))
    assert apart(found, gradient()) == 0
    assert result["redacted"] == [BOX]


@pytest.mark.parametrize("method", ["fill", "blur"])
def test_two_pictures_that_differ_only_inside_become_the_same(bench: Bench, method: str) -> None:
    whole = {"x": 0, "y": 0, "width": 96, "height": 64}
    for one, other in [(text(), text(1))]:
        redacted(bench, file(one), whole, method=method)
        first = bench.picture().copy()
        redacted(bench, file(other), whole, method=method)
        assert apart(first, bench.picture()) < 0.5


def test_a_blurred_box_keeps_few_averages_and_no_edges(bench: Bench) -> None:
    image = Image.new("L", (96, 96), 255)
    image.paste(0, (48, 0, 49, 96))
    redacted(bench, file(image), {"x": 0, "y": 0, "width": 96, "height": 96}, method="blur")
    values = np.asarray(bench.picture().convert("L")).astype(int)
    assert np.abs(np.diff(values, axis=1)).max() < 8
    assert values.min() > 220, "a black line one pixel wide is spread over a sixth of the box"


def test_a_box_too_small_to_hide_by_average_is_not_blurred(bench: Bench) -> None:
    with pytest.raises(Invalid, match=r"boxes\[0\]: 15 pixels are too few to blur"):
        redacted(bench, file(gradient()), {"x": 0, "y": 0, "width": 5, "height": 3}, method="blur")


def test_every_frame_of_an_animation_is_redacted(bench: Bench) -> None:
    redacted(bench, moving("GIF"), {"x": 0, "y": 0, "width": 12, "height": 16}, color="white")
    found = bench.picture()
    for number in range(4):
        found.seek(number)
        assert found.convert("RGB").crop((0, 0, 12, 16)).getcolors() == [(192, (255, 255, 255))]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_metadata_and_its_thumbnail_are_gone(bench: Bench, format: str) -> None:
    exif = with_exif(place=True)
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0the thumbnail word"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = file(gradient(), "JPEG", exif=exif, icc_profile=profile, comment=b"the comment word")
    redacted(bench, content, output={"format": format})
    found = bench.content()
    assert not any(word in found for word in (b"Maker", b"word", b"Exif\0", b"sRGB built-in"))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16"])
def test_boxes_are_opaque_in_every_mode(bench: Bench, mode: str) -> None:
    content = file(in_mode(mode), "PNG" if mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else "TIFF")
    redacted(bench, content, color="white")
    inside = np.asarray(bench.picture().convert("RGBA"))[6:22, 8:28]
    assert (inside == 255).all()


def test_a_box_is_cut_to_the_picture_and_told(bench: Bench) -> None:
    result = redacted(bench, file(gradient()), {"x": -10, "y": 30, "width": 20, "height": 20})
    assert result["redacted"] == [{"x": 0, "y": 30, "width": 10, "height": 2}]


def test_a_box_outside_is_an_error_and_not_a_picture_unredacted(bench: Bench) -> None:
    with pytest.raises(Invalid, match=r"boxes\[1\]: outside the picture of 48 x 32"):
        redacted(bench, file(gradient()), BOX, {"x": 48, "y": 0, "width": 5, "height": 5})
    assert not (bench.folder / "image").exists()
