"""Is there room for what a codec will need? Asked before it is let run: codecs answer a lack of memory with words of
damage, or with the end of the process. Runs in workers only.
"""

from __future__ import annotations

import mmap

DECODER_BYTES = {"WEBP": 12, "AVIF": 12}
"""Memory a decoder takes for a pixel, where it is more than the picture itself and a little."""
PICTURE_BYTES = 5
PROGRESSIVE_BYTES = 6
"""What a progressive JPEG takes besides, at full size: its coefficients."""

ENCODER_BYTES = {("WEBP", False): 14, ("WEBP", True): 32, ("AVIF", False): 34, ("AVIF", True): 44}
"""Memory an encoder takes for a pixel of a plain picture, and of one with transparency, with sharp colours or
without loss; measured."""


def reserve(need: int) -> None:
    """Return when so many bytes can be had. Raises MemoryError."""
    try:
        mmap.mmap(-1, max(need, 1)).close()
    except OSError:
        raise MemoryError from None


def to_decode(format: str, pixels: int, coefficients: int) -> int:
    """Bytes for decoding so many pixels; `coefficients` are the pixels of a progressive JPEG at full size."""
    return pixels * DECODER_BYTES.get(format, PICTURE_BYTES) + coefficients * PROGRESSIVE_BYTES


def to_encode(format: str, pixels: int, *, more: bool) -> int:
    """Bytes for encoding so many pixels; `more`: with transparency, sharp colours or without loss."""
    return pixels * ENCODER_BYTES.get((format, more), PICTURE_BYTES)
