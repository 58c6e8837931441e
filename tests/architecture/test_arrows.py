"""Who may import whom, and which library lives where."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source import PACKAGES, modules, modules_of

MAY_IMPORT = {
    "bus": {"bus"},
    "directory": {"directory", "bus"},
    "members": {"members", "bus"},
    "gateway": {"gateway", "bus"},
    "omega": set(PACKAGES),
}

HOMES: dict[str, tuple[str, ...]] = {
    "nats": ("bus",),
    "msgpack": ("bus",),
    "aiohttp": ("gateway", "omega", "members.guard"),
    "mcp": ("members", "gateway"),
    "mcp_types": ("members", "gateway"),
    "tantivy": ("directory",),
    "redis": ("gateway.limits.shared",),
    "limits": ("gateway",),
    "cryptography": ("bus",),
    "joserfc": ("bus",),
    "prometheus_client": ("gateway",),
    "cyclopts": ("omega",),
    "rich": ("omega",),
    "psutil": ("omega",),
    "lizard": ("members",),
    "PIL": ("members",),
    "numpy": ("members",),
    "duckdb": ("members",),
}
"""Libraries that carry a decision, and the packages (or the one module) that may know of them."""


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_stands_below_it(package: str) -> None:
    wrong = [
        f"{module.name} imports {name} (line {line})"
        for module in modules_of(package)
        for name, line in module.imports()
        if (top := name.partition(".")[0]) in PACKAGES and top not in MAY_IMPORT[package]
    ]
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_a_library_is_imported_only_in_its_home(package: str) -> None:
    wrong = [
        f"{module.name} imports {name} (line {line})"
        for module in modules_of(package)
        for name, line in module.imports()
        if not {package, module.name} & set(HOMES.get(name.partition(".")[0], PACKAGES))
    ]
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_is_imported_inside_a_function(package: str) -> None:
    inside = [
        f"{module.name}, line {node.lineno}"
        for module in modules_of(package)
        for function in module.functions()
        if function.name != "__getattr__"  # PEP 562: the public face loads what is asked for
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not inside


def test_every_module_says_its_one_idea() -> None:
    silent = [module.name for module in modules() if not ast.get_docstring(module.tree)]
    assert not silent


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "common", "misc"}
    assert not [module.name for module in modules() if module.path.stem in drawers]
