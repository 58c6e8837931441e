"""Picture files of strangers, opened and decoded within limits. Runs in workers only.

What Pillow raises on an unsound file is caught around its decoding and nowhere else, so that a defect of ours is
never told as damage of theirs.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from PIL import AvifImagePlugin, Image, UnidentifiedImageError

from members.image_service.colour import in_srgb
from members.image_service.exif import Told, told
from members.image_service.memory import reserve, to_decode
from members.image_service.pixels import bare, upright, working
from members.sandbox.refusals import Failed, Invalid, TooLarge

DAMAGE = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError,
    RuntimeError, AssertionError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow's decoders raise on a file that is not sound."""

MOVING = frozenset({"GIF", "WEBP", "PNG", "AVIF"})
"""Formats whose frames follow each other in time. The pages of a TIFF do not."""

LONGEST_MS, MOST_PLAYS = 655_350.0, 65_535
"""What every format that moves can say of a frame and of itself."""

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # each thread takes of the worker's address space


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be decoded."""

    formats: tuple[str, ...]
    max_pixels: int
    max_frames: int
    max_animation_pixels: int


@dataclass(frozen=True, slots=True)
class Source:
    """One picture file of a job, and the argument it came in."""

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A picture file whose head was read; `image` is still to be decoded."""

    image: Image.Image
    name: str
    format: str
    size: tuple[int, int]
    """As it is meant to be seen."""
    frames: int
    exif: Told
    icc: bytes | None
    limits: Limits

    @property
    def animated(self) -> bool:
        return self.frames > 1 and self.format in MOVING

    def facts(self) -> dict[str, Any]:
        """The source as results tell of it."""
        width, height = self.size
        return {"format": self.format, "width": width, "height": height, "frames": self.frames}


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture in a working mode, upright and in sRGB."""

    picture: Image.Image
    duration_ms: float


@contextmanager
def opened(source: Source, limits: Limits) -> Iterator[Opened]:
    """The file, for the length of the block. Raises Invalid, TooLarge, Failed."""
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    with soundness(source.name, limits):
        image = Image.open(source.path, formats=limits.formats)
    with image:
        with soundness(source.name, limits):
            head = looked_at(image, source.name, limits)
        if head.frames > limits.max_frames:
            raise TooLarge(
                f"{source.name}: the picture has more than {limits.max_frames} frames", max_frames=limits.max_frames
            )
        yield head


def looked_at(image: Image.Image, name: str, limits: Limits) -> Opened:
    """What the head of the file says."""
    exif = told_by(image)
    width, height = image.size
    turned = exif.orientation >= 5 and image.format != "TIFF"  # Pillow itself turns a TIFF
    icc = image.info.get("icc_profile")
    return Opened(
        image=image,
        name=name,
        format="JPEG" if image.format == "MPO" else image.format or "",
        size=(height, width) if turned else (width, height),
        frames=getattr(image, "n_frames", 1),
        exif=exif,
        icc=icc if isinstance(icc, bytes) else None,
        limits=limits,
    )


def told_by(image: Image.Image) -> Told:
    """What a camera wrote; nothing where that cannot be read. In a PNG it may stand behind the pixels, which are then
    decoded here."""
    if image.format == "PNG" and "exif" not in image.info:
        room_for(image, image.size)
    exif = image.getexif()
    try:
        return told(exif)
    except DAMAGE:
        return Told()


def first(file: Opened, notes: list[str], *, at_least: tuple[int, int] | None = None) -> Image.Image:
    """The first frame. `at_least` is the size that is wanted of it: a JPEG far larger is decoded smaller."""
    if at_least is not None and file.format == "JPEG":
        turned = file.size != file.image.size
        wide, high = reversed(at_least) if turned else at_least
        with soundness(file.name, file.limits):
            file.image.draft(None, (wide * 2, high * 2))  # twice: what the decoder leaves out is not seen
    return next(decoded(file, 1, notes)).picture


def decoded(file: Opened, count: int, notes: list[str]) -> Iterator[Frame]:
    """The first `count` frames, one at a time. Raises TooLarge, Failed."""
    width, height = file.size
    limit = file.limits.max_animation_pixels
    if count > 1 and width * height * count > limit:
        raise TooLarge(
            f"{file.name}: {count} frames have more than {limit} pixels together", max_animation_pixels=limit
        )
    for number in range(count):
        with soundness(file.name, file.limits):
            if number or file.frames > 1:
                file.image.seek(number)
            room_for(file.image, file.size)
            file.image.load()
            frame = Frame(cleaned(file, notes), duration(file.image.info))
        yield frame


def room_for(image: Image.Image, full: tuple[int, int]) -> None:
    """Return when there is room to decode. Raises MemoryError."""
    coefficients = full[0] * full[1] if image.info.get("progressive") else 0
    reserve(to_decode(image.format or "", image.width * image.height, coefficients))


def cleaned(file: Opened, notes: list[str]) -> Image.Image:
    """The loaded frame: colours in sRGB, a working mode, upright."""
    turn = 1 if file.format == "TIFF" else file.exif.orientation
    colours = in_srgb(file.image, file.icc, notes)
    return bare(upright(working(colours, notes, share=file.frames == 1 or colours is not file.image), turn))


def duration(info: Mapping[Any, Any]) -> float:
    """How long a frame is shown, in milliseconds; 0 where it is not told."""
    told = info.get("duration", 0)
    return min(float(told), LONGEST_MS) if isinstance(told, int | float) and told >= 0 else 0.0


def plays(file: Opened) -> int:
    """How often an animation is played; 0 = for ever."""
    told = file.image.info.get("loop")
    if not isinstance(told, int):
        return 1 if file.format == "GIF" else 0
    return min(told + 1 if told and file.format == "GIF" else told, MOST_PLAYS)  # a GIF counts the repetitions


@contextmanager
def soundness(name: str, limits: Limits) -> Iterator[None]:
    """Around decoding: what it raises leaves as a refusal that names the argument."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            yield
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            limit = limits.max_pixels
            raise TooLarge(f"{name}: the picture has more than {limit} pixels", max_pixels=limit) from None
        except UnidentifiedImageError:
            known = ", ".join(limits.formats)
            raise Invalid(f"{name}: no picture in a format that is read here: {known}", field=name) from None
        except MemoryError:
            raise TooLarge(f"{name}: the picture needs more memory than one job may use") from None
        except DAMAGE:
            raise Failed(f"{name}: the picture is truncated or damaged", reason="damaged", field=name) from None
