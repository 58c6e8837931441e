"""What is missing is told in one sentence that says what to install."""

from __future__ import annotations

import pytest

from members.sandbox.extras import MissingExtra, require_modules, require_program


def test_a_missing_module_names_the_extra() -> None:
    with pytest.raises(MissingExtra, match=r"Code Analyzer needs no_such_engine: install omega-federation\[code\]"):
        require_modules("Code Analyzer", ["json", "no_such_engine"], extra="code")


def test_a_missing_program_is_named() -> None:
    with pytest.raises(MissingExtra, match="needs the program no-such-program"):
        require_program("Code Analyzer", "no-such-program")


def test_nothing_missing_is_no_error() -> None:
    require_modules("Any", ["json", "ast"], extra="code")
    require_program("Any", "sh")
