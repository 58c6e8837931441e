"""security_scan: each weakness once, each secret never."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bandit.core.extension_loader import MANAGER

from members.code_analyzer.languages import SCANNED
from members.code_analyzer.python_security import NOISE
from members.code_analyzer.scanning import security_scan
from members.code_analyzer.wording import texts
from members.sandbox.refusals import Invalid, TooLarge


def scan(tmp_path: Path, code: str, language: str = "python", limit: int = 100) -> dict[str, Any]:
    known = SCANNED[language]
    arguments = {"code": code, "extension": known.extension, "grammar": known.grammar, "folder": str(tmp_path)}
    return security_scan(arguments | {"max_findings": limit}, lambda step: None)


def test_the_documented_sample_is_one_hardcoded_secret_in_line_2(tmp_path: Path) -> None:
    (found,) = scan(tmp_path, 'import os\npassword = "hardcoded"')["vulnerabilities"]
    assert (found["type"], found["severity"], found["line"]) == ("hardcoded_secret", "high", 2)
    assert set(found) == {"type", "severity", "line", "message", "recommendation", "cwe", "confidence"}


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", 'password = "correcthorse"'),
        ("python", 'connect(password="correcthorse")'),
        ("python", 'def f(password="correcthorse"): pass'),
        ("python", 'if password == "correcthorse": pass'),
        ("javascript", 'const password = "correcthorse";'),
        ("go", 'package a\nvar password = "correcthorse"'),
        ("java", 'class A { String password = "correcthorse"; }'),
        ("yaml", "password: correcthorse"),
        ("ini", "[a]\npassword = correcthorse"),
        ("bash", 'export DB_PASSWORD="correcthorse"'),
    ],
)
def test_a_secret_is_found_and_nowhere_repeated(tmp_path: Path, language: str, code: str) -> None:
    reply = scan(tmp_path, code, language)
    assert [found["type"] for found in reply["vulnerabilities"]] == ["hardcoded_secret"]
    assert "correcthorse" not in repr(reply)


def test_weaknesses_come_worst_first_and_then_by_line(tmp_path: Path) -> None:
    code = "import random, hashlib\nx = random.random()\nh = hashlib.md5(b'')\neval(x)\nexec(x)\n"
    found = scan(tmp_path, code)["vulnerabilities"]
    assert [(each["severity"], each["line"]) for each in found] == [("high", 4), ("high", 5), ("medium", 3), ("low", 2)]


def test_comments_that_silence_scanners_are_not_obeyed(tmp_path: Path) -> None:
    assert scan(tmp_path, "eval(x)  # nosec\n")["vulnerabilities"]


def test_harmless_code_has_no_weakness(tmp_path: Path) -> None:
    assert scan(tmp_path, "def add(a, b):\n    return a + b\n") == {"vulnerabilities": []}


def test_a_syntax_error_names_its_line_and_quotes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="line 2") as caught:
        scan(tmp_path, 'import os\npassword = "correcthorse" )\n')
    assert caught.value.details["line"] == 2
    assert "correcthorse" not in caught.value.message


def test_code_nested_beyond_the_parser_is_too_large(tmp_path: Path) -> None:
    with pytest.raises((TooLarge, Invalid)):
        scan(tmp_path, "(" * 5000 + ")" * 5000)


def test_another_language_is_scanned_past_what_cannot_be_read(tmp_path: Path) -> None:
    reply = scan(tmp_path, "eval(x);\nlet = = 3 ) (;\n", "javascript")
    assert [found["type"] for found in reply["vulnerabilities"]] == ["code_injection"]
    assert "line 2" in reply["notes"][0]


def test_every_test_of_bandit_has_our_words() -> None:
    known = set(MANAGER.plugins_by_id) | set(MANAGER.blacklist_by_id)
    assert known - NOISE == set(texts())
    assert all({"type", "message", "advice"} <= set(text) for text in texts().values())


def test_findings_are_bounded_worst_first_and_the_rest_is_counted(tmp_path: Path) -> None:
    reply = scan(tmp_path, "import random\nrandom.random()\n" + "eval(x)\n" * 5, limit=3)
    assert [found["line"] for found in reply["vulnerabilities"]] == [3, 4, 5]
    assert reply["omitted"] == 3
