"""docs/settings.md, made from the settings classes themselves: python -m docs.make_settings"""

from __future__ import annotations

import ast
import inspect
import os
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from bus.home import root_from

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "settings.md"
PACKAGES = ("bus", "directory", "gateway", "members", "omega")

INTRODUCTION = """\
# Settings

<!-- made by docs/make_settings.py: change the docstrings of the settings classes, not this page -->

Every process reads its settings from the environment; lists and objects are JSON. A value out of range ends the process
at its start with a line that names it (exit code 2). The command line of `omega` covers the common ones.

`omega up`, `down`, `status` and `logs` also read:

| variable | default | |
|---|---|---|
| `OMEGA_HOME` | `$XDG_STATE_HOME/omega`, else `~/.local/state/omega` | Data, logs and state of one federation. |
| `OMEGA_NATS_PORT` | `4222` | Port of the embedded NATS server, on loopback. |
| `OMEGA_LOG_LEVEL` | `info` | `debug`, `info`, `warning` or `error`; for every process. |
| `OMEGA_LOG_FORMAT` | `text` at a terminal, else `json` | Form of the log lines. |
"""


def page() -> str:
    """The whole page."""
    return INTRODUCTION + "".join(f"\n{section}" for section in map(_section, settings_classes()))


def settings_classes() -> list[type[BaseSettings]]:
    """Every settings class of the product, package by package."""
    found: list[type[BaseSettings]] = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "(BaseSettings)" in path.read_text():
                found += _defined_in(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return found


def _defined_in(module: str) -> Iterator[type[BaseSettings]]:
    for value in vars(import_module(module)).values():
        if inspect.isclass(value) and issubclass(value, BaseSettings) and value.__module__ == module:
            yield value


def _section(settings: type[BaseSettings]) -> str:
    told = _docstrings(settings)
    title = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", settings.__name__.removesuffix("Settings"))
    head = f"## {title}\n\n{inspect.getdoc(settings)}\n(`{settings.__module__.replace('.', '/')}.py`)\n\n"
    rows = [_row(settings, name, field, told[name]) for name, field in settings.model_fields.items()]
    return head + "| variable | default | range | |\n|---|---|---|---|\n" + "".join(rows)


def _row(settings: type[BaseSettings], name: str, field: FieldInfo, told: str) -> str:
    variable = f"{settings.model_config.get('env_prefix', '')}{name}".upper()
    cells = (f"`{variable}`", _default(settings, name, field), _range(field), told)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _docstrings(settings: type[BaseSettings]) -> dict[str, str]:
    """The string under each field, on one line. Raises KeyError through its user for a field without one."""
    body = _body(settings)
    return {
        field.target.id: " ".join(below.value.value.split())
        for field, below in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }


def _body(settings: type[BaseSettings]) -> list[ast.stmt]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(settings))).body[0]
    assert isinstance(tree, ast.ClassDef)
    return tree.body


def _default(settings: type[BaseSettings], name: str, field: FieldInfo) -> str:
    """The value; where it depends on the machine, the expression."""
    value, again = (field.get_default(call_default_factory=True, validated_data={}) for _ in range(2))
    if value != again:
        return "random"
    written = _written_default(settings, name)
    if written is not None and "os." in written:
        return f"`{written}`"
    if isinstance(value, Path):
        return f"`{value}`".replace(str(root_from(os.environ)), "$OMEGA_HOME")
    return _shown(value)


def _written_default(settings: type[BaseSettings], name: str) -> str | None:
    for statement in _body(settings):
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == name:
            given = statement.value.keywords if isinstance(statement.value, ast.Call) else []
            return next((ast.unparse(one.value) for one in given if one.arg == "default"), None)
    return None


def _shown(value: Any) -> str:
    match value:
        case None:
            return "unset"
        case bool():
            return f"`{str(value).lower()}`"
        case int() if value >= 1 << 20 and value % (1 << 20) == 0:
            return f"`{value}` ({value >> 20} MiB)"
        case str() | int() | float():
            return f"`{value}`"
        case dict():
            return "`{" + ", ".join(f'"{key}": "{item}"' for key, item in value.items()) + "}`"
        case _:
            return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"


def _range(field: FieldInfo) -> str:
    return ", ".join(_limits(field))


def _limits(field: FieldInfo) -> Iterator[str]:
    signs = {"gt": "> ", "ge": "≥ ", "lt": "< ", "le": "≤ ", "min_length": "length ≥ ", "max_length": "length ≤ "}
    for limit in field.metadata:
        for name, sign in signs.items():
            bound = getattr(limit, name, None)
            if bound is not None:
                yield f"{sign}{bound:g}" if isinstance(bound, float) else f"{sign}{bound}"
        if getattr(limit, "pattern", None):
            yield f"`{limit.pattern}`"


if __name__ == "__main__":
    PAGE.write_text(page())
