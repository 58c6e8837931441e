"""From a picture file to a picture file: frames in, changed one by one, written, measured. Runs in workers only."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from members.image_service import exif
from members.image_service.colour import is_srgb, rgb
from members.image_service.pixels import tell
from members.image_service.reading import DAMAGE, MOVING, Frame, Limits, Opened, Source, decoded, first, plays
from members.image_service.shape import Size, bounded
from members.image_service.writing import WRITTEN, Choice, Film, checked, encoded
from members.sandbox.refusals import TooLarge

Change = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True, slots=True)
class Order:
    """What every job is told."""

    sources: list[Source]
    folder: Path
    """Where a picture that is made is written."""
    limits: Limits
    max_result_bytes: int
    output: Mapping[str, Any]
    """`format` (None: that of the source), `quality`, `lossless`, `background`, `metadata`, `animation`."""


def ordered(arguments: Mapping[str, Any]) -> Order:
    """The part of a job's arguments that every job has."""
    limits = arguments["limits"]
    return Order(
        sources=[Source(**source) for source in arguments["sources"]],
        folder=Path(arguments["folder"]),
        limits=Limits(
            formats=tuple(limits["formats"]),
            max_pixels=limits["max_pixels"],
            max_frames=limits["max_frames"],
            max_animation_pixels=limits["max_animation_pixels"],
        ),
        max_result_bytes=limits["max_result_bytes"],
        output=arguments.get("output", {}),
    )


def product(
    file: Opened, order: Order, change: Change, *, size: Size, enough: Size | None = None, notes: list[str]
) -> dict[str, Any]:
    """The file with `change` done to each frame, written: what went out, what came in, and what was lost.

    `size` is what `change` makes of a frame; `enough` lets a JPEG be decoded no larger than is of use.
    Raises Invalid, TooLarge, Failed.
    """
    choice = chosen(order.output, file, notes)
    checked(choice, bounded(size, order.limits.max_pixels))
    film = changed(file, change, moving=moves(file, choice, order.output), enough=enough, notes=notes)
    content = encoded(film, fitting(choice, film.pictures[0].mode), notes)
    return {"image": stored(content, order, "image"), "source": file.facts(), "notes": notes}


def chosen(output: Mapping[str, Any], file: Opened | None, notes: list[str]) -> Choice:
    """How to write: as asked, else in the format of the source where that is written here, else as PNG."""
    own = file.format if file is not None and file.format in WRITTEN else "PNG"
    keep = output.get("metadata", "strip") if file is not None else "strip"
    return Choice(
        format=output.get("format") or own,
        quality=output.get("quality"),
        lossless=output.get("lossless", False),
        background=rgb(output.get("background", "white"), "background"),
        exif=kept_exif(file, keep == "keep_with_location", notes) if file is not None and keep != "strip" else b"",
        icc=file.icc if file is not None and keep != "strip" and is_srgb(file.icc) else None,
    )


def kept_exif(file: Opened, with_location: bool, notes: list[str]) -> bytes:
    """What a camera wrote, for the new file; nothing where its values cannot be written again."""
    try:
        return exif.kept(file.exif, with_location=with_location)
    except DAMAGE:
        tell(notes, "the EXIF of the picture is damaged and was not kept")
        return b""


def fitting(choice: Choice, mode: str) -> Choice:
    """The choice without a profile that is not about pictures of this mode."""
    if choice.icc is None or mode in ("RGB", "RGBA"):
        return choice
    return Choice(choice.format, choice.quality, choice.lossless, choice.background, choice.exif)


def moves(file: Opened, choice: Choice, output: Mapping[str, Any]) -> bool:
    """Whether all frames are kept."""
    return file.animated and choice.format in MOVING and bool(output.get("animation", True))


def changed(file: Opened, change: Change, *, moving: bool, enough: Size | None, notes: list[str]) -> Film:
    """The frames that are kept, changed while only one of them is as large as it was."""
    if not moving:
        if file.frames > 1:
            tell(notes, f"only the first of {file.frames} frames was kept")
        return Film([change(first(file, notes, at_least=enough))])
    pictures, durations = [], []
    for frame in decoded(file, file.frames, notes):
        pictures.append(apart(change(frame.picture), frame))
        durations.append(frame.duration_ms)
    return Film(pictures, durations, plays(file))


def apart(picture: Image.Image, frame: Frame) -> Image.Image:
    """A picture that the next frame does not write into."""
    return picture.copy() if picture is frame.picture else picture


def stored(content: bytes, order: Order, name: str) -> dict[str, Any]:
    """Write the file and tell what is in it, as a reader finds it. Raises TooLarge."""
    limit = order.max_result_bytes
    if len(content) > limit:
        raise TooLarge(
            f"the result of {len(content)} bytes is above the limit of {limit}: "
            "ask for a smaller size, a lower quality or another format",
            max_result_bytes=limit,
        )
    (order.folder / name).write_bytes(content)
    with Image.open(io.BytesIO(content), formats=WRITTEN) as image:
        return {
            "format": image.format,
            "mime_type": Image.MIME[image.format or ""],
            "width": image.width,
            "height": image.height,
            "mode": image.mode,
            "frames": getattr(image, "n_frames", 1),
            "size_bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
