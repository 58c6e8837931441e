"""One file measured."""

from __future__ import annotations

import pytest

from members.code_analyzer.metrics import functions_of, lines_of, safe_name, text_of

PYTHON = '"""Doc."""\n\nimport os\n\n\ndef f(a, b):\n    # why\n    if a and b:\n        return 1\n    return 2\n'


def test_lines_are_pygounts() -> None:
    lines = lines_of("src/a.py", PYTHON)
    assert (lines.language, lines.code, lines.total) == ("python", 5, 10)


def test_functions_are_lizards() -> None:
    (function,) = functions_of("src/a.py", PYTHON)
    assert (function.name, function.line, function.complexity, function.parameters) == ("f", 6, 3, 2)
    assert function.code_lines == 4


def test_a_language_without_functions_has_none() -> None:
    assert functions_of("a.json", '{"f": 1}') == []


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("a.unknownkind", "x", "unknown_language"),
        ("package-lock.json", "{}", "generated"),
        ("a.py", "# automatically generated\nx = 1\n", "generated"),
    ],
)
def test_what_does_not_count_says_why(path: str, text: str, why: str) -> None:
    assert lines_of(path, text).skipped == why


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", "café"),
        (b"\xef\xbb\xbfx", "x"),
        ("x".encode("utf-16"), "x"),
        (b"PK\x03\x04\0\0", None),
    ],
)
def test_text_is_told_from_binary_in_any_encoding(content: bytes, text: str | None) -> None:
    assert text_of(content) == text


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("src/a.py", "file.py"),
        ("src/__init__.py", "__init__.py"),
        ("a/.py;rm -rf", "file"),
        ("a.p\ny", "file"),
        ("../../etc/passwd", "file"),
        ("a.PY", "file.py"),
        ("x." + "a" * 300, "file"),
        (".env", "file"),
    ],
)
def test_names_on_disk_are_ours(path: str, name: str) -> None:
    assert safe_name(path) == name
