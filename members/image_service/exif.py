"""What a camera wrote about a picture, in words; where it was taken only when asked. Runs in workers only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import ExifTags, Image

Value = str | int | float | list[int | float]

ORIENTATION, XP_FIRST, XP_LAST = ExifTags.Base.Orientation, 0x9C9B, 0x9C9F
POINTERS = {ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo, ExifTags.IFD.Interop}
DROPPED = {ExifTags.Base.MakerNote, ExifTags.Base.PrintImageMatching, ExifTags.Base.UserComment}
"""Opaque blocks of the makers, which may hold anything, thumbnails and places among it."""
MAX_TEXT = 200
MAX_ENTRIES = 200
MAX_NUMBERS = 16


@dataclass(frozen=True, slots=True)
class Told:
    """What a file says about its picture: tags and values of each directory."""

    main: Mapping[int, Any] = field(default_factory=dict)
    details: Mapping[int, Any] = field(default_factory=dict)
    gps: Mapping[int, Any] = field(default_factory=dict)
    thumbnail: bool = False

    @property
    def orientation(self) -> int:
        """EXIF's number from 1 (as it is) to 8; 1 where it says nothing sensible."""
        value = self.main.get(ORIENTATION, 1)
        return value if isinstance(value, int) and 1 <= value <= 8 else 1


def told(exif: Image.Exif) -> Told:
    """The directories, read out now. Raises what Pillow raises on a damaged one."""
    main, details = dict(exif), dict(exif.get_ifd(ExifTags.IFD.Exif))
    return Told(main, details, dict(exif.get_ifd(ExifTags.IFD.GPSInfo)), len(exif.get_ifd(ExifTags.IFD.IFD1)) > 0)


def readable(exif: Told) -> dict[str, Value]:
    """Names and values, without location, thumbnail and what only a maker can read. At most 200 entries."""
    entries: dict[str, Value] = {}
    for tag, raw in [*exif.main.items(), *exif.details.items()]:
        value = None if tag in POINTERS | DROPPED else plain(raw, wide=XP_FIRST <= tag <= XP_LAST)
        if value is not None and len(entries) < MAX_ENTRIES:
            entries[ExifTags.TAGS.get(tag, f"0x{tag:04X}")] = value
    return entries


def plain(value: Any, *, wide: bool = False) -> Value | None:
    """A value as JSON has it; None for one that JSON has not."""
    if isinstance(value, bytes):
        text = value.decode("utf-16-le" if wide else "ascii", "replace").rstrip("\0 ")
        return text[:MAX_TEXT] if text.isprintable() else None
    if isinstance(value, str):
        return "".join(c if c.isprintable() else " " for c in value).strip()[:MAX_TEXT]
    if isinstance(value, tuple | list):
        numbers = [number for one in value[:MAX_NUMBERS] if (number := as_number(one)) is not None]
        return numbers if numbers and len(numbers) == len(value[:MAX_NUMBERS]) else None
    return as_number(value)


def as_number(value: Any) -> int | float | None:
    """An integer or a finite fraction."""
    if isinstance(value, int):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return round(number, 8) if math.isfinite(number) else None


def location(exif: Told) -> dict[str, float] | None:
    """Degrees north and east, and metres above the sea where they are told; None where it cannot be told."""
    gps = exif.gps
    north = degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef) == "S")
    east = degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef) == "W")
    if north is None or east is None:
        return None
    found = {"latitude": north, "longitude": east}
    height = as_number(gps.get(ExifTags.GPS.GPSAltitude))
    if height is not None:
        below = gps.get(ExifTags.GPS.GPSAltitudeRef) in (1, b"\x01")
        found["altitude_m"] = -float(height) if below else float(height)
    return found


def degrees(parts: Iterable[Any] | None, negative: bool) -> float | None:
    """Degrees, minutes and seconds as one number."""
    if not isinstance(parts, tuple | list) or len(parts) != 3:
        return None
    numbers = [as_number(part) for part in parts]
    whole = sum(number / 60**place for place, number in enumerate(numbers) if number is not None)
    if None in numbers or not 0 <= whole <= 180:
        return None
    return round(float(-whole if negative else whole), 7)


def kept(exif: Told, *, with_location: bool) -> bytes:
    """What may be written into a new file: without thumbnail, makers' blocks and orientation, which is applied."""
    fresh = Image.Exif()
    for tag, value in exif.main.items():
        if tag not in POINTERS | DROPPED | {ORIENTATION} and described(tag):
            fresh[tag] = value
    details = {tag: value for tag, value in exif.details.items() if tag not in POINTERS | DROPPED}
    if details:
        fresh.get_ifd(ExifTags.IFD.Exif).update(details)
    place = dict(exif.gps) if with_location else {}
    if place:
        fresh.get_ifd(ExifTags.IFD.GPSInfo).update(place)
    return fresh.tobytes() if len(fresh) or details or place else b""


def described(tag: int) -> bool:
    """Whether a tag of the first directory describes the picture, and not how its file is laid out (in TIFF they
    stand together)."""
    return tag in DESCRIPTIVE or XP_FIRST <= tag <= XP_LAST


DESCRIPTIVE = {
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.XResolution,
    ExifTags.Base.YResolution,
    ExifTags.Base.ResolutionUnit,
    ExifTags.Base.Software,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.HostComputer,
    ExifTags.Base.Copyright,
}
