"""Lines by syntax are pygount's lines, on real sources and on the corners of each language."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest
from pygount.analysis import SourceAnalysis  # type: ignore[import-untyped]  # it ships no types

from members.code_analyzer.linecount import Counted, count, syntaxes

Kinds = tuple[int, int, int]
"""Code, comment or nothing but text, blank."""

REAL = {
    "python": (Path(aiohttp.__file__).parent, "*.py", 12),
    "c": (Path("/usr/include/linux"), "*.h", 20),
    "c++": (Path("/usr/include/c++"), "*.hpp", 20),
    "javascript": (Path("/usr/lib/node_modules/npm/node_modules"), "*.js", 20),
    "php": (Path("/usr/share/php"), "*.php", 40),
}


def by_pygount(path: str, text: str) -> Kinds:
    found = SourceAnalysis.from_file(
        path, "x", file_handle=io.StringIO(text), generated_regexes=[], merge_embedded_language=True
    )
    return found.code_count, found.documentation_count + found.string_count, found.empty_count


def by_syntax(path: str, text: str) -> Kinds:
    found = counted(path, text)
    return found.code, found.comment + found.string, found.blank


def counted(path: str, text: str) -> Counted:
    found = count(path, text)
    assert found is not None
    return found


def summed(kinds: Sequence[Kinds]) -> list[int]:
    return [sum(column) for column in zip(*kinds, strict=True)]


@pytest.mark.parametrize("language", REAL)
def test_real_sources_count_as_pygount_counts_them_within_one_per_cent(language: str) -> None:
    folder, pattern, amount = REAL[language]
    files = sorted(each for each in folder.rglob(pattern) if 0 < each.stat().st_size < 60_000)[:amount]
    if not files:
        pytest.skip("no such sources on this machine")
    texts = {str(each): each.read_text(encoding="utf-8", errors="replace") for each in files}
    theirs = summed([by_pygount(path, text) for path, text in texts.items()])
    ours = summed([by_syntax(path, text) for path, text in texts.items()])
    assert sum(theirs) == sum(ours)
    assert abs(theirs[0] - ours[0]) <= 0.01 * theirs[0], (theirs, ours)


CORNERS = [
    ("a.py", '"""Doc\n\nmore."""\nx = """\ntext\n"""\n\ndef f():\n    "doc"\n    pass\n# end\n'),
    ("a.py", "x = 'a # no comment'\ny = f'{x}'\nz = [\n    'a',\n    'b',\n]\n"),
    ("a.js", "const a = /[\"'/]/;  // why\n/* b\n\n c */ let d = `x\n${y}\nz`;\n"),
    ("a.js", "const url = 'http://x';\nconst b = 1 / 2; // half\n"),
    ("a.ts", 'type A = {\n  b: string;\n};\n\n/** doc */\nexport const c = "/* no */";\n'),
    ("A.java", '/* a */ class A {\n  // b\n  String s = "// no";\n  char c = \'"\';\n}\n'),
    ("a.go", "package p\n\n// b\nvar s = `raw // no\n\nmore`\nvar r = '\"'\n"),
    ("a.c", '#include <a.h>\n#if 0\nint dead;\n#endif\nint a; // b\nchar *s = "/* no */";\n'),
    ("a.cpp", 'auto s = R"x(// no\n" )x";\n/* a\n*/\nint b = 1\'000;\n'),
    ("a.rs", "//! doc\n/// doc\nfn f<'a>(x: &'a str) -> char { '\"' }\nlet r = r#\"// no \"\n\"#;\n"),
    ("a.rb", '=begin\nno\n=end\nx = "a # no #{b}"\ny = /["#]/\nz = <<~SQL\n  text\nSQL\n# end\n'),
    ("a.php", "<?php\n# a\n// b\n$x = 'it''s'; /* c\n*/ $y = <<<EOT\ntext\nEOT;\n"),
    ("a.css", "/* a\n*/\nb { c: d; }\n"),
    ("a.json", '{\n  "a": [\n    "b",\n    1\n  ]\n}\n'),
    ("a.toml", "# a\n[b]\nc = 'd # e'\n"),
    ("a.yaml", "# a\nb: c # d\ne:\n  - f#g\n"),
]


@pytest.mark.parametrize(("path", "text"), CORNERS)
def test_corners_of_each_language_count_as_pygount_counts_them(path: str, text: str) -> None:
    assert by_syntax(path, text) == by_pygount(path, text)


@pytest.mark.parametrize("path", ["a.m", "a.xml", "a.html", "Makefile", "a.unknown"])
def test_a_language_without_a_syntax_is_left_to_pygount(path: str) -> None:
    assert count(path, "x = 1\n") is None


def test_what_only_looks_like_the_language_is_left_to_pygount() -> None:
    assert count("a.h", "@interface A\n@end\n") is None
    assert count("a.php", "<html><?php echo 1; ?></html>\n") is None


def test_marks_stand_on_the_lines_of_what_they_replace() -> None:
    marked = counted("a.js", "a /* x\ny */ b\n'z' // w\n").marked
    assert marked == "a \x02\n\x02 b\n\x01 \x02"


def test_marks_in_the_text_itself_count_as_blanks() -> None:
    assert counted("a.js", "\x01\x02\nx\n").code == 1


STARTS = ["'", '"', "/*", "`", '"""', "<<EOT\n", 'r#"', "/", "\\", "=begin\n", 'R"(', "<?php '"]


@pytest.mark.parametrize("extension", sorted({each.name: ending for ending, each in syntaxes().items()}.values()))
@pytest.mark.timeout(20)
def test_what_never_ends_is_counted_at_once(extension: str) -> None:
    wrong = {}
    for start in STARTS:
        began = time.process_time()
        found = count(f"x.{extension}", start + "a\\b'c\"d/*e\n" * 3000)
        lines = found.code + found.comment + found.string + found.blank if found else None
        if lines not in (None, 3000 + start.count("\n")) or time.process_time() - began > 5:
            wrong[start] = lines, time.process_time() - began
    assert wrong == {}
