"""Frames: length, then JSON."""

from __future__ import annotations

import io

import pytest

from members.sandbox import frames


def test_what_is_written_can_be_read() -> None:
    stream = io.BytesIO(frames.encode({"job": "é\ud800", "n": [1, None]}) + frames.encode({}))
    assert frames.read(stream) == {"job": "é\ud800", "n": [1, None]}
    assert frames.read(stream) == {}


def test_the_end_of_the_stream_is_none() -> None:
    assert frames.read(io.BytesIO(b"")) is None
    assert frames.read(io.BytesIO(b"\0\0")) is None


def test_a_frame_above_the_bound_is_refused_before_it_is_read() -> None:
    with pytest.raises(ValueError, match="bytes"):
        frames.length((frames.MAX_FRAME_BYTES + 1).to_bytes(4))
