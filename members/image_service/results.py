"""What the tools answer. Each of these becomes an output schema."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

PICTURES = ("image", "difference")
"""Fields of results that are pictures."""
Data = Annotated[
    str,
    Field(description="The file in base64. Absent over MCP, where the picture is an image content block instead."),
]
Notes = Annotated[list[str], Field(description="What was lost or assumed on the way, in sentences; empty: nothing.")]
Value = str | int | float | list[int | float]


class Box(TypedDict):
    """An area in pixels of the upright picture, from its top left corner."""

    x: int
    y: int
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]


class Location(TypedDict):
    """Degrees north and east, metres above the sea."""

    latitude: float
    longitude: float
    altitude_m: NotRequired[float]


class ImageInfo(TypedDict):
    """What a picture file is. `width` and `height` are those of the file, `shown_…` those of the upright picture, to
    which boxes of other tools refer. `orientation` is EXIF's number, 1 = as it is. `exif` never holds the location;
    `location` is null unless it was asked for and is told. `plays` and `duration_ms` are of animations; 0 plays = for
    ever. `dhash` is the difference hash, 128 bits in hexadecimal."""

    format: str
    mime_type: str
    width: int
    height: int
    shown_width: int
    shown_height: int
    mode: str
    frames: int
    animated: bool
    duration_ms: int | None
    plays: int | None
    size_bytes: int
    sha256: str
    has_alpha: bool
    orientation: int
    has_exif: bool
    exif: dict[str, Value]
    has_thumbnail: bool
    has_location: bool
    location: Location | None
    has_icc_profile: bool
    icc_profile: str | None
    dhash: str
    dominant_color: str


class Source(TypedDict):
    """The picture that came in, upright."""

    format: str
    width: int
    height: int
    frames: int


class Picture(TypedDict):
    """A picture file that was made."""

    format: str
    mime_type: str
    width: int
    height: int
    mode: str
    frames: int
    size_bytes: int
    sha256: str
    data: NotRequired[Data]


class Made(TypedDict):
    """A picture out of a picture."""

    image: Picture
    source: Source
    notes: Notes


class Redacted(TypedDict):
    """A picture with areas destroyed; `redacted` are the areas as far as they lay in the picture."""

    image: Picture
    source: Source
    redacted: list[Box]
    notes: Notes


class Sheet(TypedDict):
    """A grid of pictures."""

    image: Picture
    pictures: int
    columns: int
    rows: int
    notes: Notes


class Comparison(TypedDict):
    """How far two pictures differ. What needs pictures of one size is null where they are not. A pixel differs when
    one of its channels does by more than the tolerance; errors are from 0 to 255; `psnr_db` is null for equal pictures;
    `ssim` is 1 for equal pictures; `hash_distance` is from 0 to 128 bits, and below about 10 for the same picture in
    another size or format."""

    same_file: bool
    same_size: bool
    different_pixels: int | None
    different_share: float | None
    different_box: Box | None
    max_error: int | None
    mean_absolute_error: float | None
    root_mean_square_error: float | None
    psnr_db: float | None
    ssim: float | None
    hash_distance: int
    notes: Notes
    difference: NotRequired[Picture]
