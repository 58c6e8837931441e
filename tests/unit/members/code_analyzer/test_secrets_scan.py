"""Secrets are found, and never told."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from members.code_analyzer.secrets_scan import candidate_lines, configuration, fixed_part, screens, secrets_in

AWS = "AKIA" + "Z7XQ2WJ4K9M3B5TD"
GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.mark.parametrize(
    ("extension", "line"),
    [
        (".py", f'key = "{AWS}"'),
        (".js", "const password = 'correcthorse';"),
        (".go", 'password := "correcthorse"'),
        (".java", 'String apiKey = "correcthorse9";'),
        (".rb", "token = '" + GITHUB + "'"),
        (".yaml", "password: correcthorse"),
        (".ini", "[db]\npassword = correcthorse"),
        (".py", 'url = "https://user:correcthorse@example.org/"'),
        (".py", "-----BEGIN RSA PRIVATE KEY-----"),
    ],
)
def test_a_secret_is_found(tmp_path: Path, extension: str, line: str) -> None:
    found = secrets_in(f"{line}\n", extension, tmp_path, entropy=False)
    assert {each.line for each in found} == {line.count("\n") + 1}
    assert "correcthorse" not in repr(found)


@pytest.mark.parametrize(
    ("extension", "line"),
    [
        (".py", "password = os.environ['PASSWORD']"),
        (".py", 'password = ""'),
        (".js", "const password = config.get(name);"),
        (".py", "def f(password): return check(password)"),
        (".py", 'digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"'),
    ],
)
def test_what_is_no_secret_is_left_alone(tmp_path: Path, extension: str, line: str) -> None:
    assert secrets_in(f"{line}\n", extension, tmp_path, entropy=False) == []


def test_a_comment_cannot_switch_the_search_off(tmp_path: Path) -> None:
    text = 'password = "correcthorse"  # pragma: allowlist secret\n'
    assert [each.line for each in secrets_in(text, ".py", tmp_path, entropy=False)] == [1]


def test_randomness_alone_is_a_guess_and_told_only_when_wanted(tmp_path: Path) -> None:
    text = 'x = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"\n'
    (guess,) = secrets_in(text, ".py", tmp_path, entropy=True)
    assert guess.confidence == "low"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_editors_do(tmp_path: Path, end: str) -> None:
    text = end.join(["import os", "", 'password = "correcthorse"', ""])
    assert [each.line for each in secrets_in(text, ".py", tmp_path, entropy=False)] == [3]


@pytest.mark.parametrize("entropy", [False, True])
def test_leaving_lines_out_finds_the_same_as_looking_at_all(tmp_path: Path, entropy: bool) -> None:
    code = Path(__file__).read_text() + Path(scan_file.__code__.co_filename).read_text()
    code += f'digest = "{hashlib.sha256(b"x").hexdigest()}"\nblob = "{base64.b64encode(bytes(range(60))).decode()}"\n'
    planted = f'{code}\nkey = "{AWS}"\n' + "plain = 1\n" * 50 + f'auth = "{GITHUB}"\npassword = "correcthorse"\n'
    file = tmp_path / "whole.py"
    file.write_text(planted)
    with transient_settings(configuration(entropy=entropy)):
        whole = {(each.line_number, each.type) for each in scan_file(str(file))}
    fast = {(each.line, each.kind) for each in secrets_in(planted, ".py", tmp_path, entropy=entropy)}
    assert fast == whole
    assert len(whole) >= (5 if entropy else 3)
    assert len(candidate_lines(planted, entropy=entropy, whole=False)) < planted.count("\n") / 2


def test_a_line_of_a_megabyte_is_passed_over_quickly(tmp_path: Path) -> None:
    text = "x = '" + "://a:" * 200_000 + "'\npassword = 'correcthorse'\n"
    assert [each.line for each in secrets_in(text, ".py", tmp_path, entropy=True)] == [2]


@pytest.mark.parametrize(
    ("expression", "fixed"),
    [
        ("BEGIN KEY", "BEGIN KEY"),
        (r"(a|b)k_live_[0-9]{24}", "k_live_"),
        (r"https?://x\.com/ab*c", "://x.com/a"),
        (r"a+bcd{2}e(?:fghij)?", "bc"),
        (r"[]ab\]c]de", "de"),
        (r"\d\wab.cde$", "cde"),
        ("abc|d", ""),
        ("(?:abc|d)", ""),
    ],
)
def test_the_fixed_part_of_an_expression_is_what_every_match_holds(expression: str, fixed: str) -> None:
    assert fixed_part(re.compile(expression)) == fixed
    assert fixed_part(re.compile(expression, re.IGNORECASE)) == fixed.lower()


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_whatever_a_detector_matches_holds_its_fixed_part(data: st.DataObject) -> None:
    screen, fixed = data.draw(st.sampled_from([each for each in screens()[0] if each[1]]))
    matched = data.draw(st.from_regex(screen, alphabet=st.characters(codec="ascii")))
    assert fixed in (matched.lower() if screen.flags & re.IGNORECASE else matched)
