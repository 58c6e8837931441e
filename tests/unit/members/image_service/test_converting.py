"""Every mode into every format, read back and compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from members.image_service.writing import WRITTEN
from members.sandbox.refusals import Invalid, TooLarge
from tests.unit.members.image_service.pictures import Bench, apart, file, gradient, in_mode, moving, with_exif

MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I;16B", "I", "F"]
TOLERANCE = {"PNG": 0.0, "TIFF": 0.0, "JPEG": 3.0, "WEBP": 10.0, "AVIF": 3.0, "GIF": 6.0}
"""Mean difference on the scale to 255: nothing, a good lossy quality (WebP halves the resolution of colours, and
the palette picture is dithered), 256 colours."""
SIXTEEN = ("I;16", "I;16B", "I", "F")


def source(mode: str) -> bytes:
    """A file that holds the mode."""
    return file(in_mode(mode), "PNG" if mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else "TIFF")


def expected(mode: str, format: str) -> Image.Image:
    """What the picture is in eight bits, as far as the format has transparency."""
    image = in_mode(mode)
    if mode in ("I;16", "I;16B"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if mode in ("I", "F"):
        values = np.asarray(image).astype(float)
        spread = values if mode == "I" else (values - values.min()) / np.ptp(values) * 65535
        return Image.fromarray((spread.astype(np.uint32) >> 8).astype(np.uint8))
    if format == "JPEG" and mode in ("LA", "PA", "RGBA"):
        ground = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")
    return image.convert("RGBA" if mode in ("LA", "PA", "RGBA") else "RGB")


@pytest.mark.parametrize("format", WRITTEN)
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_written_in_every_format_and_read_back(bench: Bench, mode: str, format: str) -> None:
    result, found = bench.convert(source(mode), format, quality=95)
    assert (result["image"]["format"], found.format, found.size) == (format, format, (48, 32))
    if found.mode.startswith("I;16"):
        found = Image.fromarray((np.asarray(found) >> 8).astype(np.uint8))
    assert apart(found, expected(mode, format)) <= TOLERANCE[format]


@pytest.mark.parametrize("mode", MODES)
def test_lossless_webp_keeps_every_pixel(bench: Bench, mode: str) -> None:
    _, found = bench.convert(source(mode), "WEBP", lossless=True)
    assert apart(found, expected(mode, "WEBP")) == 0


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits_stay_where_the_format_has_them(bench: Bench, format: str) -> None:
    result, found = bench.convert(source("I;16"), format)
    assert (found.mode, result["notes"]) == ("I;16", [])
    assert (np.asarray(found) == np.asarray(in_mode("I;16"))).all()


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF", "GIF"])
def test_sixteen_bits_that_are_lost_are_told(bench: Bench, format: str) -> None:
    assert "16 bits became 8" in bench.convert(source("I;16"), format)[0]["notes"]


def test_black_and_white_stays_one_bit(bench: Bench) -> None:
    assert bench.convert(source("1"), "PNG")[0]["image"]["mode"] == "1"


def test_transparency_is_laid_on_the_background_that_was_asked_for(bench: Bench) -> None:
    clear = file(Image.new("RGBA", (8, 8), (0, 0, 0, 0)))
    result, found = bench.convert(clear, "JPEG", background="#00ff00", quality=95)
    red, green, blue = found.getpixel((4, 4))  # type: ignore[misc]  # of an RGB picture it is three numbers
    assert (red < 5, green > 250, blue < 5) == (True, True, True)
    assert result["notes"] == ["transparency was laid on the background"]


def test_a_gif_of_few_colours_is_exact_with_its_transparency(bench: Bench) -> None:
    image = Image.new("RGBA", (16, 16), (10, 20, 30, 255))
    for number in range(200):
        image.putpixel((number % 16, number // 16), (number, 255 - number, 7, 255))
    image.paste((0, 0, 0, 0), (0, 14, 16, 16))
    result, found = bench.convert(file(image), "GIF")
    assert (apart(found, image), result["notes"]) == (0, [])


@pytest.mark.parametrize("format", ["JPEG", "AVIF", "GIF"])
def test_lossless_is_refused_where_it_would_be_a_lie(bench: Bench, format: str) -> None:
    with pytest.raises(Invalid, match=f"lossless: {format} cannot; PNG, TIFF, WEBP can"):
        bench.convert(file(gradient()), format, lossless=True)


@pytest.mark.parametrize(("format", "side"), [("WEBP", 16_384), ("JPEG", 65_501)])
def test_a_side_that_the_format_cannot_hold_is_refused(bench: Bench, format: str, side: int) -> None:
    with pytest.raises(TooLarge, match=f"{format} holds at most {side - 1} pixels"):
        bench.convert(file(Image.new("L", (side, 1))), format)


def test_a_result_above_the_limit_is_refused_with_advice(bench: Bench) -> None:
    with pytest.raises(TooLarge, match="limit of 500: ask for a smaller size"):
        bench.run("convert", file(gradient()), limits={"max_result_bytes": 500}, output={"format": "TIFF"})


@pytest.mark.parametrize("name", ["nocolour", "#12", "rgb(1,2", ""])
def test_a_colour_that_is_none_is_refused(bench: Bench, name: str) -> None:
    with pytest.raises(Invalid, match="background: #rrggbb"):
        bench.convert(file(gradient()), "JPEG", background=name)


# what the file says -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
def test_orientation_is_applied_once(bench: Bench, format: str, orientation: int) -> None:
    turned = gradient().transpose(TURN_BACK[orientation]) if orientation > 1 else gradient()
    more: dict[str, Any] = {"quality": 95} if format in ("JPEG", "WEBP", "AVIF") else {}
    content = file(turned, format, exif=with_exif(orientation=orientation), **more)
    for metadata in ("strip", "keep"):
        _, found = bench.convert(content, "PNG", metadata=metadata)
        assert found.size == (48, 32)
        assert apart(found, gradient()) < 4
        assert found.getexif().get(0x0112, 1) == 1


TURN_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("origin", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("format", WRITTEN)
def test_nothing_that_was_said_about_the_picture_is_left(bench: Bench, origin: str, format: str) -> None:
    content = file(gradient(), origin, exif=with_exif().tobytes(), icc_profile=srgb())
    bench.convert(content, format)
    assert no_trace(bench.content())
    assert not bench.picture().getexif().get_ifd(0x8825)
    assert "icc_profile" not in bench.picture().info


def no_trace(content: bytes) -> bool:
    return not any(word in content for word in (b"Maker", b"Model 1", b"secret", b"2024:05"))


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("metadata", ["keep", "keep_with_location"])
def test_metadata_is_kept_when_asked_and_the_location_only_then(bench: Bench, format: str, metadata: str) -> None:
    content = file(gradient(), "JPEG", exif=with_exif(orientation=3), icc_profile=srgb(), comment=b"a word")
    bench.convert(content, format, metadata=metadata)
    found = bench.info(bench.content(), location=True)
    assert (found["exif"]["Make"], found["exif"]["FNumber"]) == ("Maker", 2.8)
    assert (found["icc_profile"], found["orientation"]) == ("sRGB built-in", 1)
    assert found["has_location"] == (metadata == "keep_with_location")
    assert b"secret" not in bench.content() and b"a word" not in bench.content()


def test_colours_of_another_profile_become_srgb(bench: Bench) -> None:
    content = file(Image.new("RGB", (8, 8), (10, 200, 30)), "PNG", icc_profile=swapped_profile())
    result, found = bench.convert(content, "PNG")
    assert any(note.startswith("colours were converted to sRGB from") for note in result["notes"])
    red, green, _ = found.getpixel((4, 4))  # type: ignore[misc]  # of an RGB picture it is three numbers
    assert red > green, "a profile with red and green swapped tells that the green picture is a red one"


def swapped_profile() -> bytes:
    """sRGB with the tags of red and green exchanged, under another name."""
    content = bytearray(srgb())
    at_red, at_green = content.index(b"rXYZ"), content.index(b"gXYZ")
    content[at_red : at_red + 4], content[at_green : at_green + 4] = b"gXYZ", b"rXYZ"
    return bytes(content).replace("sRGB built-in".encode("utf-16-be"), "Swap built-in".encode("utf-16-be"))


def test_a_damaged_profile_is_ignored_and_told(bench: Bench) -> None:
    result, found = bench.convert(file(gradient(), "PNG", icc_profile=b"no profile"), "PNG")
    assert result["notes"] == ["the colour profile is damaged and was ignored"]
    assert apart(found, gradient()) == 0


# animations ---------------------------------------------------------------------------------------------------------

MOVING = ["GIF", "WEBP", "PNG", "AVIF"]


@pytest.mark.parametrize("origin", MOVING)
@pytest.mark.parametrize("format", MOVING)
def test_all_frames_are_kept_where_both_formats_have_them(bench: Bench, origin: str, format: str) -> None:
    result, found = bench.convert(moving(origin), format)
    assert (result["image"]["frames"], result["source"]["frames"]) == (4, 4)
    for number in range(4):
        found.seek(number)
        want = Image.new("RGB", (24, 16), (40 * number, 200 - 40 * number, 90))
        assert apart(found, want) < 4
        assert found.info["duration"] == pytest.approx(100 * (number + 1), abs=1)


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_the_first_frame_is_kept_where_one_format_has_only_one(bench: Bench, format: str) -> None:
    result, found = bench.convert(moving("GIF"), format)
    assert getattr(found, "n_frames", 1) == 1
    assert "only the first of 4 frames was kept" in result["notes"]
    assert apart(found, Image.new("RGB", (24, 16), (0, 200, 90))) < 3


def test_the_first_frame_alone_is_kept_when_asked(bench: Bench) -> None:
    assert bench.convert(moving("GIF"), "WEBP", animation=False)[0]["image"]["frames"] == 1


@pytest.mark.parametrize(("origin", "loop", "format", "expected"), [
    ("GIF", 0, "WEBP", 0), ("GIF", 2, "WEBP", 3),
    ("WEBP", 3, "GIF", 2), ("WEBP", 1, "GIF", None), ("WEBP", 0, "GIF", 0),
])  # fmt: skip
def test_an_animation_is_played_as_often_as_before(
    bench: Bench, origin: str, loop: int, format: str, expected: int | None
) -> None:
    _, found = bench.convert(moving(origin, loop=loop), format)
    assert found.info.get("loop") == expected


def test_a_transparent_animation_shows_no_leftovers(bench: Bench) -> None:
    frames = [Image.new("RGBA", (20, 10), (0, 0, 0, 0)) for _ in range(2)]
    frames[0].paste((255, 0, 0, 255), (0, 0, 10, 10))
    frames[1].paste((0, 0, 255, 255), (10, 0, 20, 10))
    content = file(frames[0], "PNG", save_all=True, append_images=frames[1:])
    _, found = bench.convert(content, "GIF")
    found.seek(1)
    assert apart(found, frames[1]) == 0


def test_too_much_animation_is_refused(bench: Bench) -> None:
    with pytest.raises(TooLarge, match="4 frames have more than 1000 pixels together"):
        bench.run("convert", moving("GIF"), limits={"max_animation_pixels": 1000}, output={"format": "GIF"})
