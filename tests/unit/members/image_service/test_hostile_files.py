"""Damaged, lying and hostile files: an answer or a refusal, nothing else."""

from __future__ import annotations

import random
from typing import Any

import pytest
from PIL import Image

from members.sandbox.refusals import Failed, Invalid, Refusal, TooLarge
from tests.unit.members.image_service.pictures import (
    SETTINGS,
    Bench,
    file,
    gradient,
    moving,
    png_that_claims,
    with_exif,
)

CHANGES = 60


@pytest.mark.parametrize("size", [(1001, 1000), (30_000, 30_000), (100_000, 100_000)])
def test_a_picture_that_unpacks_to_too_many_pixels_is_refused_naming_the_limit(
    bench: Bench, size: tuple[int, int]
) -> None:
    with pytest.raises(TooLarge, match="image: the picture has more than 1000000 pixels"):
        bench.info(png_that_claims(*size))


@pytest.mark.parametrize("format", SETTINGS.formats)
def test_a_truncated_file_is_an_error_and_not_a_guess(bench: Bench, format: str) -> None:
    content = file(Image.effect_noise((128, 128), 90).convert("RGB"), format)
    with pytest.raises((Failed, Invalid), match=r"truncated or damaged|no picture in a format") as caught:
        bench.info(content[: len(content) * 2 // 3])
    assert caught.value.details["field"] == "image"


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "AVIF"])
def test_an_animation_that_breaks_off_is_not_passed_on(bench: Bench, format: str) -> None:
    content = moving(format, 8)
    try:
        result = bench.run("convert", content[: len(content) * 2 // 3], output={"format": "PNG"})
    except Refusal:
        return
    assert result["image"]["frames"] < 8, "what is there of it, counted honestly"


@pytest.mark.parametrize(
    "content", [b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", b"<svg/>", b"\0" * 100]
)
def test_what_is_no_listed_picture_is_refused_listing_them(bench: Bench, content: bytes) -> None:
    with pytest.raises(Invalid, match="PNG, JPEG"):
        bench.info(content)


def test_a_format_that_is_not_listed_is_not_tried(bench: Bench) -> None:
    with pytest.raises(Invalid):
        bench.info(file(gradient()), formats=["JPEG"])


def samples(format: str) -> list[bytes]:
    """A plain file, and one with all that the format can carry."""
    rich: dict[str, Any] = {} if format in ("GIF", "BMP", "ICO") else {"exif": with_exif(orientation=6)}
    found = [file(gradient((32, 32)), format, **rich)]
    return found + ([moving(format, 3)] if format in ("GIF", "WEBP", "PNG", "AVIF") else [])


@pytest.mark.parametrize("format", SETTINGS.formats)
def test_changed_bytes_are_an_answer_or_a_refusal(bench: Bench, format: str) -> None:
    chance = random.Random(f"seed {format}")
    for content in samples(format):
        for _ in range(CHANGES):
            changed = mutated(content, chance)
            try:
                bench.info(changed, location=True)
                bench.run("convert", changed, output={"format": "PNG", "metadata": "keep_with_location"})
            except Refusal:
                continue


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, more often near the head, where the structure is; at times a piece lost or doubled."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        reach = len(found) if chance.random() < 0.5 else min(len(found), 200)
        found[chance.randrange(reach)] = chance.choice([0, 0xFF, 0x7F, 0x80, chance.randrange(256)])
    if chance.random() < 0.3:
        at = chance.randrange(len(found))
        piece = found[at : at + chance.randint(1, 40)]
        found[at : at + len(piece)] = piece * chance.choice([0, 2])
    return bytes(found)
