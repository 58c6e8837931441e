"""Every kind of pixel as one of five that are worked on. Runs in workers only.

`L`, `LA`, `RGB`, `RGBA` have eight bits a channel, `I;16` has one grey channel of sixteen. What comes out of here is
a bare picture: nothing of the file it was read from hangs on it, so no encoder can write any of that again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Rgb = tuple[int, int, int]

SIXTEEN = "I;16"
PLAIN = {"1": "L", "La": "LA", "PA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB"}
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by EXIF's orientation."""

BAND_PIXELS = 100_000
"""Arrays are worked on in bands of about so many pixels: that, and not the picture, is what memory they need."""


def working(image: Image.Image, notes: list[str], *, share: bool) -> Image.Image:
    """The loaded `image` in one of the five modes, bare; what was lost is added to `notes`. With `share` the pixels
    may be those of `image` itself, which is then not to be loaded again."""
    if image.mode in ("I", "F") or image.mode.startswith(SIXTEEN):
        found = sixteen(image, notes)
    elif image.mode == "P" or (image.mode in ("1", "L", "RGB") and "transparency" in image.info):
        found = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode == "CMYK":
        found = image.convert("RGB")
        tell(notes, "CMYK without a usable colour profile became RGB by formula: colours are approximate")
    else:
        found = image.convert(PLAIN[image.mode]) if image.mode in PLAIN else detached(image, share=share)
    return bare(found)


def detached(image: Image.Image, *, share: bool) -> Image.Image:
    """The pixels alone, without the file they came from. Pillow has no public way to do that without a copy, and for
    two copies of the largest pictures there is no memory."""
    return image._new(image.im) if share else image.copy()


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """The picture in a mode; itself where it is in it."""
    return image if image.mode == mode else image.convert(mode)


def bare(image: Image.Image) -> Image.Image:
    """The same picture without what was said about it."""
    image.info = {}
    return image


def sixteen(image: Image.Image, notes: list[str]) -> Image.Image:
    """A grey picture of 16, 32 or floating-point bits with sixteen; values beyond them are spread over them."""
    values = np.asarray(image)
    if image.mode.startswith(SIXTEEN):
        return Image.fromarray(values.astype("<u2"))
    low, high = extent(values)
    if image.mode == "I" and low >= 0 and high <= 0xFFFF:
        return Image.fromarray(values.astype("<u2"))
    tell(notes, f"values from {low:g} to {high:g} were spread over 16 bits")
    spread = (np.nan_to_num(values.astype("f8"), nan=low, posinf=high, neginf=low) - low) * (
        0xFFFF / (high - low or 1.0)
    )
    return Image.fromarray(spread.clip(0, 0xFFFF).astype("<u2"))


def extent(values: NDArray[np.generic]) -> tuple[float, float]:
    """Least and greatest finite value; 0 and 0 where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def eight_bits(image: Image.Image, notes: list[str]) -> Image.Image:
    """A working picture with eight bits a channel."""
    if image.mode != SIXTEEN:
        return image
    tell(notes, "16 bits became 8")
    return Image.fromarray((np.asarray(image) >> 8).astype("u1"))


def flattened(image: Image.Image, background: Rgb) -> Image.Image:
    """A working picture of eight bits without transparency, laid on a colour."""
    if image.mode not in ("LA", "RGBA"):
        return image
    ground = Image.new("RGBA", image.size, (*background, 255))
    laid = Image.alpha_composite(ground, in_mode(image, "RGBA")).convert("RGB")
    grey = image.mode == "LA" and len(set(background)) == 1
    return laid.convert("L") if grey else laid


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as it is meant to be seen."""
    turn = TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def has_alpha(image: Image.Image) -> bool:
    """Whether any pixel of a working picture is not opaque."""
    if image.mode not in ("LA", "RGBA"):
        return False
    return bool(image.getchannel("A").getextrema() != (255, 255))


def bands(size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """First and last-but-one row of each band of a picture."""
    width, height = size
    rows = max(1, BAND_PIXELS // width)
    return ((top, min(top + rows, height)) for top in range(0, height, rows))


def band(image: Image.Image, top: int, bottom: int) -> NDArray[np.uint8]:
    """Some rows as an array: rows, columns, channels where there are several."""
    return np.asarray(image.crop((0, top, image.width, bottom)))


def tell(notes: list[str], note: str) -> None:
    """Add a note once."""
    if note not in notes:
        notes.append(note)
