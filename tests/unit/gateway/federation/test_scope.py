"""A scope is read from a query string, and nothing in it is ignored."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bus.errors import InvalidRequest
from gateway.mcp.federation.scope import EVERYTHING, Scope, Shown, read_scope


def member(id: str, *, tags: str = "", capabilities: str = "") -> Any:
    return SimpleNamespace(id=id, tags=frozenset(tags.split()), capabilities=frozenset(capabilities.split()))


def test_no_parameter_is_everything() -> None:
    assert read_scope([]) == EVERYTHING
    assert EVERYTHING.whole and EVERYTHING.holds(member("a"))


def test_all_parameters_are_read() -> None:
    told = read_scope([("tag", "a"), ("tag", "b"), ("capability", "c"), ("server", "s"), ("tools", "all")])
    assert told == Scope(frozenset("ab"), frozenset("c"), frozenset("s"), Shown.ALL)
    assert not told.whole


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tags", "a"),
        ("q", "a"),
        ("", ""),
        ("tag", ""),
        ("tag", "x" * 129),
        ("server", "a.b"),
        ("server", "*"),
        ("tools", "few"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{name}: "):
        read_scope([(name, value)])


def test_too_many_values_and_two_lists_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="the limit is 32"):
        read_scope([("tag", str(number)) for number in range(33)])
    with pytest.raises(InvalidRequest, match="tools"):
        read_scope([("tools", "all"), ("tools", "all")])


def test_tags_and_capabilities_must_all_hold_and_any_server_may() -> None:
    both = Scope(frozenset("ab"), frozenset("c"))
    assert both.holds(member("x", tags="a b z", capabilities="c d"))
    assert not both.holds(member("x", tags="a", capabilities="c"))
    assert not both.holds(member("x", tags="a b"))
    either = Scope(servers=frozenset("xy"))
    assert either.holds(member("x")) and either.holds(member("y")) and not either.holds(member("z"))


def test_a_narrowed_scope_keeps_what_it_had() -> None:
    told = Scope(frozenset("a"), servers=frozenset("s")).narrowed(["b"], ["c"])
    assert told == Scope(frozenset("ab"), frozenset("c"), frozenset("s"))
