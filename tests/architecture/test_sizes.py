"""How long a file and a function may be. An exemption carries its reason and may only shrink."""

from __future__ import annotations

import pytest

from tests.architecture.source import PACKAGES, body_lines, modules, modules_of, positional

MAX_MODULE = 400
MAX_BODY = 40
MAX_POSITIONAL = 5

EXEMPT_MODULES: dict[str, str] = {}
EXEMPT_FUNCTIONS: dict[str, str] = {}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_module_holds_one_idea(package: str) -> None:
    long = {module.name: module.lines for module in modules_of(package) if module.lines > MAX_MODULE}
    assert not {name: lines for name, lines in long.items() if name not in EXEMPT_MODULES}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_function_is_read_at_a_glance(package: str) -> None:
    long = {
        f"{module.name}.{function.name}": size
        for module in modules_of(package)
        for function in module.functions()
        if (size := body_lines(function)) > MAX_BODY
    }
    assert not {name: size for name, size in long.items() if name not in EXEMPT_FUNCTIONS}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_function_takes_at_most_five_arguments_by_position(package: str) -> None:
    many = {
        f"{module.name}.{function.name}": count
        for module in modules_of(package)
        for function in module.functions()
        if (count := positional(function)) > MAX_POSITIONAL
    }
    assert not {name: count for name, count in many.items() if name not in EXEMPT_FUNCTIONS}


def test_no_exemption_outlives_its_need() -> None:
    names = {module.name for module in modules() if module.lines > MAX_MODULE}
    long = {
        f"{module.name}.{function.name}"
        for module in modules()
        for function in module.functions()
        if body_lines(function) > MAX_BODY or positional(function) > MAX_POSITIONAL
    }
    assert set(EXEMPT_MODULES) <= names
    assert set(EXEMPT_FUNCTIONS) <= long
