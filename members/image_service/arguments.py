"""The arguments of the tools, each with the words and bounds that people and models see."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from members.image_service.results import Box

MAX_SIDE = 65_535


def as_format(value: Any) -> Any:
    """Format names in any case, and JPEG by its other name."""
    name = value.upper() if isinstance(value, str) else value
    return {"JPG": "JPEG", "TIF": "TIFF"}.get(name, name) if isinstance(name, str) else name


Image = Annotated[
    str,
    Field(
        description="The picture file: base64, a data: URL, an https URL, or a resource of another member as "
        "omega://member/<id>/<its own URI>."
    ),
]
Images = Annotated[list[Image], Field(min_length=1, max_length=1000, description="The pictures, in reading order.")]
FormatName = Literal["PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF"]
Format = Annotated[FormatName, BeforeValidator(as_format), Field(description="Format of the result.")]
SameFormat = Annotated[
    Annotated[FormatName, BeforeValidator(as_format)] | None,
    Field(description="Format of the result; that of the picture when not given (PNG where it is not one of these)."),
]
Quality = Annotated[
    int | None,
    Field(ge=1, le=100, description="For JPEG, WEBP, AVIF; 85, 80, 65 when not given. From 90 colours stay sharp."),
]
Lossless = Annotated[bool, Field(description="For WEBP: keep every pixel. PNG and TIFF always do; JPEG, AVIF cannot.")]
Colour = Annotated[str, Field(max_length=64, description="#rrggbb or a CSS colour name.")]
Background = Annotated[
    str, Field(max_length=64, description="What transparency is laid on in JPEG: #rrggbb or a CSS colour name.")
]
Metadata = Annotated[
    Literal["strip", "keep", "keep_with_location"],
    Field(description="EXIF and sRGB profile of the source: neither, both without location, both. Never thumbnails."),
]
Animation = Annotated[
    bool, Field(description="Keep every frame where both formats can (GIF, WEBP, PNG, AVIF); else the first.")
]
Side = Annotated[int | None, Field(ge=1, le=MAX_SIDE, description="In pixels; follows from the other when not given.")]
Fit = Annotated[
    Literal["contain", "cover", "exact"],
    Field(description="Inside the box; fill the box and cut what is over; stretch to the box."),
]
Filter = Annotated[
    Literal["nearest", "box", "bilinear", "bicubic", "lanczos"], Field(description="How pixels are computed.")
]
Upscale = Annotated[bool, Field(description="Let the picture grow. Otherwise the result may be smaller than asked.")]
Left = Annotated[int, Field(ge=0, le=MAX_SIDE, description="Pixels from the left edge of the upright picture.")]
Top = Annotated[int, Field(ge=0, le=MAX_SIDE, description="Pixels from the top edge of the upright picture.")]
Length = Annotated[int, Field(ge=1, le=MAX_SIDE, description="In pixels.")]
Boxes = Annotated[
    list[Box],
    Field(min_length=1, max_length=1000, description="Areas of the upright picture; what is outside it is ignored."),
]
Method = Annotated[
    Literal["fill", "blur"],
    Field(description="One colour, or a few averages: fill is the safe one for text."),
]
ThumbnailSide = Annotated[int, Field(ge=1, le=2048, description="Longest side in pixels.")]
Square = Annotated[bool, Field(description="Cut the middle to a square.")]
Tolerance = Annotated[int, Field(ge=0, le=255, description="Difference of a channel that still counts as equal.")]
Captions = Annotated[
    list[Annotated[str, Field(max_length=200)]] | None,
    Field(max_length=1000, description="One for each picture, in Latin letters; long ones are cut."),
]
Columns = Annotated[int | None, Field(ge=1, le=100, description="Pictures in a row; about square when not given.")]
Cell = Annotated[int, Field(ge=16, le=2048, description="Side of the square each picture is fitted into, in pixels.")]


class Output(TypedDict):
    """How a worker is to write a picture."""

    format: str | None
    quality: int | None
    lossless: bool
    background: str
    metadata: str
    animation: bool
