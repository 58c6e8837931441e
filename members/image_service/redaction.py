"""Parts of a picture made unrecognisable: their pixels are replaced, not covered. Runs in workers only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageFilter

from members.image_service.pixels import Rgb
from members.image_service.shape import Size, overlap
from members.sandbox.refusals import Invalid

Area = tuple[int, int, int, int]
BLOCKS, BLOCK = 6, 8
"""A blurred box keeps at most six average colours along its longer side, each of eight pixels or more: too few for a
face or a line of text."""
SMALLEST_BLUR = 16


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is done to each of some areas."""

    areas: Sequence[Area]
    method: Literal["fill", "blur"]
    colour: Rgb


def areas(boxes: Sequence[Mapping[str, int]], size: Size, method: str) -> list[Area]:
    """The boxes as far as they lie in the picture. Raises Invalid naming one that does not, or that is too small for
    its average to hide anything."""
    found = []
    for number, box in enumerate(boxes):
        area = overlap(size, (box["x"], box["y"], box["width"], box["height"]), f"boxes[{number}]")
        pixels = (area[2] - area[0]) * (area[3] - area[1])
        if method == "blur" and pixels < SMALLEST_BLUR:
            raise Invalid(
                f"boxes[{number}]: {pixels} pixels are too few to blur, {SMALLEST_BLUR} are needed; fill them",
                field="boxes",
            )
        found.append(area)
    return found


def redacted(picture: Image.Image, work: Redaction) -> Image.Image:
    """The working picture, of eight bits, with every area replaced."""
    found = picture.copy()
    for area in work.areas:
        part = filled(found, area, work.colour) if work.method == "fill" else blurred(found.crop(area))
        found.paste(part, area)
    return found


def filled(picture: Image.Image, area: Area, colour: Rgb) -> Image.Image:
    """One opaque colour."""
    size = (area[2] - area[0], area[3] - area[1])
    return Image.new("RGB", size, colour).convert(picture.mode)


def blurred(part: Image.Image) -> Image.Image:
    """A few average colours, softly joined: the softness is for the eye, the averages are what is left."""
    longer = max(part.size)
    along = max(1, min(BLOCKS, longer // BLOCK))
    blocks = (max(1, part.width * along // longer), max(1, part.height * along // longer))
    wide = part.resize(blocks, Image.Resampling.BOX).resize(part.size, Image.Resampling.NEAREST)
    return wide.filter(ImageFilter.GaussianBlur(longer / along / 3))
