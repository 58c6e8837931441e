"""One look at a picture."""

from __future__ import annotations

import pytest
from PIL import Image, ImageCms

from members.sandbox.refusals import TooLarge
from tests.unit.members.image_service.pictures import SETTINGS, Bench, file, gradient, moving, with_exif


@pytest.mark.parametrize("format", SETTINGS.formats)
def test_every_listed_format_is_read(bench: Bench, format: str) -> None:
    content = file(gradient((32, 32)), format)
    found = bench.info(content)
    assert (found["format"], found["width"], found["size_bytes"]) == (format, 32, len(content))
    assert found["mime_type"].startswith("image/")


def test_the_facts_of_a_plain_picture(bench: Bench) -> None:
    content = file(Image.new("RGBA", (30, 20), (255, 0, 0, 255)))
    found = bench.info(content)
    assert len(found.pop("sha256")) == 64
    assert found == {
        "format": "PNG", "mime_type": "image/png", "width": 30, "height": 20, "shown_width": 30, "shown_height": 20,
        "mode": "RGBA", "frames": 1, "animated": False, "duration_ms": None, "plays": None,
        "size_bytes": len(content), "has_alpha": True, "orientation": 1, "has_exif": False, "exif": {},
        "has_thumbnail": False, "has_location": False, "location": None, "has_icc_profile": False,
        "icc_profile": None, "dhash": "0" * 32, "dominant_color": "#ff0000",
    }  # fmt: skip


@pytest.mark.parametrize(("format", "plays"), [("GIF", 3), ("WEBP", 2), ("PNG", 2)])
def test_an_animation_is_measured(bench: Bench, format: str, plays: int) -> None:
    found = bench.info(moving(format, loop=2))
    assert (found["animated"], found["frames"], found["duration_ms"]) == (True, 4, 1000)
    assert found["plays"] == plays, "a GIF counts repetitions, the others how often it is shown"


def test_the_pages_of_a_tiff_are_no_animation(bench: Bench) -> None:
    pages = [Image.new("L", (8, 8), shade) for shade in (10, 20)]
    found = bench.info(file(pages[0], "TIFF", save_all=True, append_images=pages))
    assert (found["frames"], found["animated"], found["duration_ms"]) == (3, False, None)


def test_frames_are_bounded(bench: Bench) -> None:
    with pytest.raises(TooLarge, match="image: the picture has more than 3 frames"):
        bench.info(moving("GIF"), max_frames=3)


def test_the_length_of_too_much_animation_is_not_told(bench: Bench) -> None:
    found = bench.info(moving("GIF"), max_animation_pixels=4 * 24 * 16 - 1)
    assert (found["frames"], found["duration_ms"]) == (4, None)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_is_readable_and_a_location_is_told_only_when_asked(bench: Bench, format: str) -> None:
    content = file(gradient(), format, exif=with_exif(orientation=6).tobytes())
    found = bench.info(content)
    assert (found["has_exif"], found["has_location"], found["orientation"]) == (True, True, 6)
    assert found["exif"]["Make"] == "Maker"
    assert found["exif"]["ExposureTime"] == pytest.approx(0.008)
    assert found["location"] is None
    assert "Latitude" not in repr(found) and "secret" not in repr(found)
    told = bench.info(content, location=True)["location"]
    assert told == {"latitude": 52.52, "longitude": -13.405, "altitude_m": 34.5}


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_the_shown_size_is_that_of_the_upright_picture(bench: Bench, format: str, orientation: int) -> None:
    found = bench.info(file(gradient((48, 32)), format, exif=with_exif(orientation=orientation)))
    assert (found["shown_width"], found["shown_height"]) == ((32, 48) if orientation >= 5 else (48, 32))
    assert found["orientation"] == orientation


def test_a_senseless_orientation_is_no_orientation(bench: Bench) -> None:
    assert bench.info(file(gradient(), "JPEG", exif=with_exif(orientation=77)))["orientation"] == 1


def test_a_profile_is_called_by_its_name(bench: Bench) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = bench.info(file(gradient(), "PNG", icc_profile=profile))
    assert (found["has_icc_profile"], found["icc_profile"]) == (True, "sRGB built-in")
    broken = bench.info(file(gradient(), "PNG", icc_profile=b"no profile"))
    assert (broken["has_icc_profile"], broken["icc_profile"]) == (True, None)


def test_the_same_picture_in_another_size_and_format_has_nearly_the_same_hash(bench: Bench) -> None:
    large = gradient((300, 200))
    one = bench.info(file(large))["dhash"]
    small = bench.info(file(large.resize((90, 60)), "JPEG", quality=60))["dhash"]
    turned = bench.info(file(large.transpose(Image.Transpose.ROTATE_180)))["dhash"]
    assert (int(one, 16) ^ int(small, 16)).bit_count() <= 4
    assert (int(one, 16) ^ int(turned, 16)).bit_count() > 60
