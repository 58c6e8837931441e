"""The bytes in the argument: base64, with or without the head of a data URL."""

from __future__ import annotations

import base64
import binascii
import re

from members.sandbox.refusals import Invalid, TooLarge

DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+(;[\w.+=-]+)*;base64,", re.ASCII)


def picture_bytes(image_base64: str, max_bytes: int) -> bytes:
    """The file. Line breaks and blanks in the base64 text do not matter. Raises Invalid, or TooLarge before anything
    large is decoded."""
    head = DATA_URL.match(image_base64[:200])
    text = "".join(image_base64[head.end() if head else 0 :].split())
    if not text:
        raise Invalid("image_base64 is empty", field="image_base64")
    if len(text) // 4 * 3 > max_bytes + 2:
        raise TooLarge(f"the picture has more than {max_bytes} bytes", max_bytes=max_bytes)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("image_base64 is not base64 (RFC 4648, with padding)", field="image_base64") from None
