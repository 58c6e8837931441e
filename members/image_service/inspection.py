"""One look at a picture: what its file says, and what is really in it. Runs in workers only."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import dhash  # type: ignore[import-untyped]  # ships no types
import numpy as np
from PIL import Image

from members.image_service import exif
from members.image_service.colour import profile_name
from members.image_service.pixels import eight_bits, flattened, in_mode
from members.image_service.reading import Limits, Opened, Source, decoded, first, opened, plays

HASH_SIDE = 8
WHITE = (255, 255, 255)
SAMPLE = (64, 64)
SHADES = 8


def described(source: Source, limits: Limits, *, location: bool) -> dict[str, Any]:
    """All that `image_info` tells; `location` adds where it was taken. Raises Invalid, TooLarge, Failed."""
    with opened(source, limits) as file:
        facts = said(file, source) | about_exif(file, location=location)
        picture = flattened(eight_bits(first(file, []), []), WHITE)
        seen = {"dhash": fingerprint(picture), "dominant_color": dominant(picture)}
        return facts | seen | {"duration_ms": length(file)}


def said(file: Opened, source: Source) -> dict[str, Any]:
    """What the file says about its picture."""
    content = Path(source.path).read_bytes()
    image = file.image
    return {
        "format": file.format,
        "mime_type": Image.MIME.get(file.format, "application/octet-stream"),
        "width": image.width,
        "height": image.height,
        "shown_width": file.size[0],
        "shown_height": file.size[1],
        "mode": image.mode,
        "frames": file.frames,
        "animated": file.animated,
        "plays": plays(file) if file.animated else None,
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "has_alpha": image.has_transparency_data,
        "icc_profile": profile_name(file.icc),
        "has_icc_profile": file.icc is not None,
    }


def about_exif(file: Opened, *, location: bool) -> dict[str, Any]:
    """What a camera said."""
    told = file.exif
    return {
        "orientation": told.orientation,
        "has_exif": len(told.main) > 0,
        "exif": exif.readable(told),
        "has_thumbnail": told.thumbnail,
        "has_location": len(told.gps) > 0,
        "location": exif.location(told) if location else None,
    }


def length(file: Opened) -> int | None:
    """How long one play of an animation takes, in milliseconds; every frame is decoded for it. None where there is
    no animation, or too much of it."""
    width, height = file.size
    if not file.animated or width * height * file.frames > file.limits.max_animation_pixels:
        return None
    return round(sum(frame.duration_ms for frame in decoded(file, file.frames, [])))


def fingerprint(picture: Image.Image) -> str:
    """The difference hash of a flat picture: 128 bits as 32 hexadecimal digits, rows first. Alike pictures have hashes
    that differ in few bits, whatever their size and format."""
    side = HASH_SIDE + 1
    grey = in_mode(picture, "L").resize((side, side), Image.Resampling.LANCZOS)
    row, column = dhash.dhash_row_col(np.asarray(grey).ravel().tolist(), size=HASH_SIDE)
    return str(dhash.format_hex(row, column, size=HASH_SIDE))


def hash_distance(one: str, other: str) -> int:
    """Bits in which two fingerprints differ, 0 to 128."""
    return int(dhash.get_num_bits_different(int(one, 16), int(other, 16)))


def dominant(picture: Image.Image) -> str:
    """The colour most of a flat picture has, out of eight that represent it."""
    small = picture.resize(SAMPLE, Image.Resampling.BOX).convert("RGB")
    few = small.quantize(SHADES, method=Image.Quantize.MEDIANCUT)
    counted = few.getcolors(SHADES) or []
    index = max(counted)[1]
    assert isinstance(index, int)
    red, green, blue = (few.getpalette() or [])[index * 3 : index * 3 + 3]
    return f"#{red:02x}{green:02x}{blue:02x}"
