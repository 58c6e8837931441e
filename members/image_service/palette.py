"""True colours as at most 256, exactly where there are no more. Runs in workers only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from members.image_service.pixels import band, bands, in_mode, tell

OPAQUE_FROM = 128
"""Alpha from which a pixel is shown; a palette has nothing in between."""


def indexed(image: Image.Image, notes: list[str], *, dither: bool) -> Image.Image:
    """A picture of eight bits a channel with a palette, the last entry transparent where that is needed."""
    hidden = hidden_in(image, notes)
    colours = in_mode(image, "RGB")
    if hidden is not None:
        colours.paste((0, 0, 0), (0, 0), hidden)  # what is not shown takes no place in the palette
    room = 256 if hidden is None else 255
    found = exactly(colours, room) or nearly(colours, room, notes, dither=dither)
    if hidden is not None:
        found.putpalette((found.getpalette() or []) + [0] * (768 - len(found.getpalette() or [])))
        found.paste(255, (0, 0), hidden)
        found.info["transparency"] = 255
    return found


def hidden_in(image: Image.Image, notes: list[str]) -> Image.Image | None:
    """Where the picture is not shown, as a mask; None where all of it is."""
    if image.mode not in ("LA", "RGBA"):
        return None
    alpha = image.getchannel("A")
    levels = {level for _, level in alpha.getcolors() or []}
    if levels == {255}:
        return None
    if levels - {0, 255}:
        tell(notes, "half-transparent pixels became opaque or transparent")
    return alpha.point(lambda value: 255 if value < OPAQUE_FROM else 0)


def exactly(colours: Image.Image, room: int) -> Image.Image | None:
    """The picture with a palette of its own colours; None where they are too many."""
    counted = colours.getcolors(room)
    if counted is None:
        return None
    order = np.sort(np.array([packed(np.array(colour)) for _, colour in counted], dtype=np.uint32))
    found = Image.new("P", colours.size)
    for top, bottom in bands(colours.size):
        places = np.searchsorted(order, packed(band(colours, top, bottom))).astype(np.uint8)
        found.paste(Image.fromarray(places), (0, top))
    found.putpalette(np.stack([order >> 16, order >> 8 & 255, order & 255], axis=1).astype(np.uint8).tobytes())
    return found


def packed(colours: NDArray[np.generic]) -> NDArray[np.uint32]:
    """Red, green and blue as one number."""
    wide = colours.astype(np.uint32)
    found: NDArray[np.uint32] = wide @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    return found


def nearly(colours: Image.Image, room: int, notes: list[str], *, dither: bool) -> Image.Image:
    """The picture with the best palette of `room` colours."""
    tell(notes, f"colours were reduced to {room}")
    best = colours.quantize(room, method=Image.Quantize.MEDIANCUT)
    if not dither:
        return best
    return colours.quantize(room, palette=best, dither=Image.Dither.FLOYDSTEINBERG)
