"""Pictures as files: what each format can hold, and what is lost on the way. Runs in workers only."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from members.image_service.memory import reserve, to_encode
from members.image_service.palette import indexed
from members.image_service.pixels import Rgb, eight_bits, flattened, has_alpha, in_mode, tell
from members.image_service.reading import MOVING
from members.sandbox.refusals import Failed, Invalid, TooLarge

WRITTEN = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF")
MAX_SIDE = {"WEBP": 16_383, "JPEG": 65_500, "GIF": 65_535, "AVIF": 65_535}
LOSSLESS = {"PNG", "TIFF", "WEBP"}
QUALITY = {"JPEG": 85, "WEBP": 80, "AVIF": 65}
FINE_FROM = 90
"""Quality from which colours are kept at full resolution."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How a picture is written."""

    format: str
    quality: int | None = None
    lossless: bool = False
    background: Rgb = (255, 255, 255)
    exif: bytes = b""
    icc: bytes | None = None


@dataclass(frozen=True, slots=True)
class Film:
    """What is written: one picture, or several that follow each other."""

    pictures: Sequence[Image.Image]
    durations_ms: Sequence[float] = ()
    plays: int = 0


def checked(choice: Choice, size: tuple[int, int]) -> Choice:
    """The choice. Raises Invalid, TooLarge: that format cannot do that."""
    if choice.lossless and choice.format not in LOSSLESS:
        raise Invalid(f"lossless: {choice.format} cannot; {', '.join(sorted(LOSSLESS))} can", field="lossless")
    side = MAX_SIDE.get(choice.format)
    if side is not None and max(size) > side:
        raise TooLarge(f"format: {choice.format} holds at most {side} pixels a side", field="format", max_side=side)
    return choice


def encoded(film: Film, choice: Choice, notes: list[str]) -> bytes:
    """The file. Raises Failed, TooLarge."""
    pictures = prepared(film.pictures, choice, notes)
    out, largest = io.BytesIO(), pictures[0].width * pictures[0].height
    more = choice.lossless or is_fine(choice) or pictures[0].mode == "RGBA"
    try:
        reserve(to_encode(choice.format, largest, more=more))
        pictures[0].save(out, choice.format, **options(choice), **timing(film, choice.format, pictures[1:]))
    except MemoryError:
        raise TooLarge(f"format: writing {choice.format} of this size needs more memory than one job may use") from None
    except (OSError, ValueError, RuntimeError, OverflowError, SystemError):
        raise Failed(f"format: this picture could not be written as {choice.format}", reason="encoder") from None
    return out.getvalue()


def prepared(pictures: Sequence[Image.Image], choice: Choice, notes: list[str]) -> list[Image.Image]:
    """The pictures in a mode that the format holds, the same for all of them."""
    found = [held(picture, choice, notes) for picture in pictures]
    modes = {picture.mode for picture in found}
    if len(modes) > 1 and "P" not in modes:
        common = "RGBA" if modes & {"LA", "RGBA"} else "RGB"
        found = [in_mode(picture, common) for picture in found]
    if choice.format == "GIF":
        return [indexed(picture, notes, dither=len(found) == 1) for picture in found]
    return found


def held(picture: Image.Image, choice: Choice, notes: list[str]) -> Image.Image:
    """One picture in a mode that the format holds."""
    if choice.format in ("PNG", "TIFF"):
        return bilevel(picture)
    picture = eight_bits(picture, notes)
    if choice.format == "JPEG" and picture.mode in ("LA", "RGBA"):
        if has_alpha(picture):
            tell(notes, "transparency was laid on the background")
        return flattened(picture, choice.background)
    if choice.format in ("WEBP", "AVIF"):
        return in_mode(picture, "RGBA" if has_alpha(picture) else "RGB")
    return picture


def bilevel(picture: Image.Image) -> Image.Image:
    """Black and white alone with one bit a pixel, everything else as it is."""
    levels = picture.getcolors(2) if picture.mode == "L" else None
    if levels is None or {level for _, level in levels} - {0, 255}:
        return picture
    return picture.convert("1", dither=Image.Dither.NONE)


def is_fine(choice: Choice) -> bool:
    """Whether colours are kept at full resolution where that is a matter of quality."""
    return choice.format in ("JPEG", "AVIF") and (choice.quality or 0) >= FINE_FROM


def options(choice: Choice) -> dict[str, Any]:
    """The encoder's arguments."""
    quality, fine = choice.quality or QUALITY.get(choice.format), is_fine(choice)
    own: dict[str, dict[str, Any]] = {
        "PNG": {},
        "JPEG": {"quality": quality, "subsampling": 0 if fine else 2, "optimize": True},
        "WEBP": {"quality": quality, "lossless": choice.lossless, "method": 4, "exact": choice.lossless},
        "AVIF": {"quality": quality, "subsampling": "4:4:4" if fine else "4:2:0", "speed": 8, "max_threads": 1},
        "GIF": {"optimize": False},
        "TIFF": {} if choice.exif else {"compression": "tiff_adobe_deflate"},  # its library writes no EXIF
    }
    if choice.lossless and choice.format == "WEBP":
        own["WEBP"]["quality"] = 50  # of a lossless file it is the effort
    kept: dict[str, Any] = {}
    if choice.exif and choice.format != "GIF":
        kept["exif"] = choice.exif
    if choice.icc and choice.format != "GIF":
        kept["icc_profile"] = choice.icc
    return own[choice.format] | kept


def timing(film: Film, format: str, more: Sequence[Image.Image]) -> dict[str, Any]:
    """The encoder's arguments for what follows the first picture."""
    if not more or format not in MOVING:
        return {}
    told: dict[str, Any] = {
        "save_all": True,
        "append_images": list(more),
        "duration": [round(one) for one in film.durations_ms],
    }
    if format == "GIF":
        repeats = {} if film.plays == 1 else {"loop": max(0, film.plays - 1)}
        return told | repeats | {"disposal": 2}
    return told | ({} if format == "AVIF" else {"loop": film.plays})
