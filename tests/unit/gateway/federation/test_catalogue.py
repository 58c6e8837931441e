"""The catalogue holds what members offer, and says what changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mcp.federation.catalogue import Catalogue, Change
from gateway.mcp.federation.offers import digest_of, listed_tool
from gateway.mcp.federation.scope import EVERYTHING, Scope
from tests.unit.gateway.federation.samples import manifest, offer

FIRST = Scope(tags=frozenset(["first"]))
TOOLS = st.lists(st.sampled_from("xyz"), unique=True)
STEPS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["gone", "stale", "active"]), TOOLS))


def names(catalogue: Catalogue, scope: Scope = EVERYTHING) -> list[str]:
    return [tool.name for one in catalogue.view(scope).offers for tool in one.tools]


def test_members_stand_in_the_order_of_their_ids() -> None:
    catalogue = Catalogue()
    for id in ("b", "c", "a"):
        catalogue.put(offer(id, "z", "y"))
    assert names(catalogue) == ["a__z", "a__y", "b__z", "b__y", "c__z", "c__y"]
    assert catalogue.view(EVERYTHING).tools == 6


def test_what_says_the_same_changes_nothing() -> None:
    catalogue = Catalogue()
    assert catalogue.put(offer("a", "x")) is not None
    version = catalogue.version
    assert catalogue.put(offer("a", "x", last_seen="later", instances=[])) is None
    assert catalogue.remove("b") is None
    assert catalogue.version == version


@pytest.mark.parametrize(
    "more", [{"tags": ["t"]}, {"capabilities": ["c"]}, {"version": "2"}, {"status": "stale"}, {"description": "d"}]
)
def test_whatever_else_a_member_says_is_a_change(more: dict[str, Any]) -> None:
    assert digest_of(manifest("a", "x")) != digest_of(manifest("a", "x", **more))


def test_a_change_of_tools_is_told_apart_from_others() -> None:
    before, after = offer("a", "x"), offer("a", "x", tags=["first"])
    assert not Change("a", before, after).of_tools(EVERYTHING)
    assert Change("a", before, after).of_tools(FIRST)
    assert Change("a", None, before).of_tools(EVERYTHING) and not Change("a", None, before).of_tools(FIRST)
    assert Change("a", before, None).concerns(EVERYTHING) and not Change("a", before, None).concerns(FIRST)
    assert Change("a", before, offer("a", "x", status="stale")).of_tools(EVERYTHING)


def test_a_stale_member_is_not_listed_and_its_tools_are_known() -> None:
    catalogue = Catalogue()
    catalogue.put(offer("a", "x", status="stale"))
    assert names(catalogue) == []
    assert catalogue.tool("a__x", EVERYTHING) is not None


def test_a_member_that_left_is_remembered_and_a_tool_that_it_dropped_is_not() -> None:
    catalogue = Catalogue()
    catalogue.put(offer("a", "x", "y"))
    catalogue.put(offer("a", "x"))
    assert catalogue.tool("a__y", EVERYTHING) is None
    catalogue.remove("a")
    assert (catalogue.get("a"), names(catalogue)) == (None, [])
    assert catalogue.tool("a__x", EVERYTHING) is not None
    catalogue.put(offer("a", "z"))
    assert catalogue.tool("a__x", EVERYTHING) is None


def test_only_so_many_that_left_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.mcp.federation.catalogue.MAX_DEPARTED", 2)
    catalogue = Catalogue()
    for id in "abc":
        catalogue.put(offer(id, "x"))
    for id in "abc":
        catalogue.remove(id)
    assert [catalogue.tool(f"{id}__x", EVERYTHING) is not None for id in "abc"] == [False, True, True]


def test_a_scope_holds_for_tools_of_members_that_left_too() -> None:
    catalogue = Catalogue()
    catalogue.put(offer("a", "x", tags=["first"]))
    catalogue.put(offer("b", "x"))
    for _ in range(2):
        assert catalogue.tool("a__x", FIRST) is not None
        assert catalogue.tool("b__x", FIRST) is None
        catalogue.remove("a")
        catalogue.remove("b")


def test_names_alike_are_of_the_scope() -> None:
    catalogue = Catalogue()
    catalogue.put(offer("a", "resize_image", tags=["first"]))
    catalogue.put(offer("b", "resize_image"))
    assert catalogue.resembling("a__resize_imag", FIRST) == ["a__resize_image"]
    assert catalogue.resembling("quite_another", EVERYTHING, ("search_tools",)) == []


@given(STEPS)
def test_after_any_changes_the_catalogue_is_what_it_would_be_made_afresh(
    steps: list[tuple[str, str, list[str]]],
) -> None:
    catalogue, last = Catalogue(), {}
    for id, state, tools in steps:
        if state == "gone":
            catalogue.remove(id)
            last.pop(id, None)
        else:
            last[id] = offer(id, *tools, status=state)
            catalogue.put(last[id])
    fresh = Catalogue()
    for one in last.values():
        fresh.put(one)
    assert names(catalogue) == names(fresh)
    assert len(catalogue.search) == len(fresh.search) == len(names(fresh))
    assert catalogue.search._postings.keys() == fresh.search._postings.keys()


@pytest.mark.parametrize(
    "tool",
    [
        {"name": "t", "inputSchema": {"type": "string"}},
        {"name": "t", "inputSchema": {"type": "object"}, "annotations": "all"},
        {"name": "t", "inputSchema": {"type": "object"}, "title": 7},
    ],
)
def test_a_tool_that_no_client_could_read_is_left_out(tool: dict[str, Any]) -> None:
    assert listed_tool(manifest("a"), tool) is None


def test_a_listed_tool_keeps_all_that_it_says() -> None:
    tool = {
        "name": "t",
        "description": "Does it",
        "inputSchema": {"type": "object", "properties": {"x": {"type": "string", "x-mcp-header": "X"}}},
        "outputSchema": {"type": "object"},
        "annotations": {"readOnlyHint": True, "custom": 1},
        "_meta": {"k": "v"},
        "other": [1],
    }
    listed = listed_tool(manifest("a"), tool)
    assert listed is not None
    assert listed.definition == {**tool, "name": "a__t", "description": "[A] Does it"}
