"""The bytes in the argument."""

from __future__ import annotations

import base64

import pytest

from members.image_service.picture import picture_bytes
from members.sandbox.refusals import Invalid, TooLarge

CONTENT = bytes(range(256))
TEXT = base64.b64encode(CONTENT).decode()


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"data:image/png;base64,{TEXT}",
        f"data:image/svg+xml;charset=utf-8;base64,{TEXT}",
        f" {TEXT[:50]}\n{TEXT[50:]}\n",
    ],
)
def test_base64_is_read_in_its_usual_dresses(text: str) -> None:
    assert picture_bytes(text, 1024) == CONTENT


@pytest.mark.parametrize("text", ["", "  \n", "data:image/png;base64,"])
def test_nothing_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="empty"):
        picture_bytes(text, 1024)


@pytest.mark.parametrize("text", ["not base64!", "abc", "https://example.org/a.png", "a-_b", "é" * 4])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="not base64"):
        picture_bytes(text, 1024)


def test_the_limit_is_in_bytes_of_the_file() -> None:
    assert picture_bytes(TEXT, 256) == CONTENT
    with pytest.raises(TooLarge, match="more than 250 bytes"):
        picture_bytes(TEXT, 250)
