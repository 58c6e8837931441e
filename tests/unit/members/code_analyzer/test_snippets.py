"""What a snippet must be."""

from __future__ import annotations

import pytest

from members.code_analyzer.settings import CodeAnalyzerSettings
from members.code_analyzer.snippets import checked
from members.sandbox.refusals import Invalid, TooLarge

SETTINGS = CodeAnalyzerSettings(max_snippet_bytes=1024)


@pytest.mark.parametrize("snippet", ["", "  \n\t"])
def test_an_empty_snippet_is_refused(snippet: str) -> None:
    with pytest.raises(Invalid, match="empty"):
        checked(snippet, SETTINGS)


@pytest.mark.parametrize("snippet", ["a\0b", "a\ud800b"])
def test_characters_that_no_source_has_are_refused(snippet: str) -> None:
    with pytest.raises(Invalid, match="characters"):
        checked(snippet, SETTINGS)


def test_the_limit_is_in_bytes_and_named() -> None:
    assert checked("é" * 512, SETTINGS)
    with pytest.raises(TooLarge, match="1026 bytes; at most 1024"):
        checked("é" * 513, SETTINGS)
