"""How jobs and outcomes travel over the pipes: four bytes of length, then JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

Frame = Mapping[str, Any]

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""Longer is a defect of ours: engines bound what they answer."""


def encode(frame: Frame) -> bytes:
    """One frame, ready to be written. Text that is not valid Unicode travels as escapes."""
    body = json.dumps(frame, separators=(",", ":")).encode()
    return len(body).to_bytes(4) + body


def length(head: bytes) -> int:
    """How many bytes follow. Raises ValueError above the bound."""
    size = int.from_bytes(head)
    if size > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {size} bytes")
    return size


def decode(body: bytes) -> Any:
    """What one frame carries."""
    return json.loads(body)


def read(stream: IO[bytes]) -> Any:
    """The next frame, or None at the end of the stream."""
    head = stream.read(4)
    return decode(stream.read(length(head))) if len(head) == 4 else None
