"""A server that is too wordy for a manifest is announced with less said, and with nothing less than needed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.manifest import MAX_DESCRIPTION, MAX_MANIFEST_BYTES, read_manifest
from members.announced import announced

BESIDE = {"id": "wordy", "name": "Wordy"}


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": "What it does.", "inputSchema": {"type": "object", "title": name}, **more}


def schema(size: int) -> dict[str, Any]:
    return {"type": "object", "description": "x" * size}


def taken(tools: list[dict[str, Any]]) -> bool:
    """Whether the directory takes them, with what is added on the way."""
    return bool(read_manifest({**BESIDE, "tools": tools, "epoch": 2**53, "losses": "x" * 200}))


def test_what_fits_is_announced_word_for_word() -> None:
    tools = [tool("a", outputSchema=schema(100)), tool("b", annotations={"readOnlyHint": True})]
    assert announced(tools, BESIDE) == (tools, {})


def test_a_description_that_no_manifest_takes_is_cut_with_an_ellipsis() -> None:
    kept, lost = announced([tool("a", description="y" * 20_000), tool("b")], BESIDE)
    assert (len(kept[0]["description"]), kept[0]["description"][-1]) == (MAX_DESCRIPTION, "…")
    assert (kept[1], lost) == (tool("b"), {"descriptions": 1})
    assert taken(kept)


def test_the_bulkiest_output_schema_goes_first_and_no_more_than_needed() -> None:
    tools = [tool("a", outputSchema=schema(100_000)), tool("b", outputSchema=schema(200_000)), tool("c")]
    kept, lost = announced(tools, BESIDE)
    assert ["outputSchema" in one for one in kept] == [True, False, False]
    assert lost == {"output schemas": 1}
    assert taken(kept)


def test_input_schemas_go_after_all_that_is_less_needed() -> None:
    tools = [tool(f"t{n}", inputSchema=schema(60_000), description="d" * 5_000, icons=["i" * 900]) for n in range(6)]
    kept, lost = announced(tools, BESIDE)
    assert {len(one["description"]) for one in kept} == {1_000}
    assert 0 < lost["input schemas"] < 6
    assert lost["annotations"] == 6
    assert taken(kept)


def test_of_too_many_tools_the_first_are_announced() -> None:
    kept, lost = announced([tool(f"t{n}") for n in range(2_100)], BESIDE)
    assert (len(kept), lost["tools"], kept[-1]["name"]) == (2_000, 100, "t1999")
    assert taken(kept)


@pytest.mark.parametrize("name", ["", "n" * 400])
def test_a_tool_whose_name_no_manifest_takes_costs_only_itself(name: str) -> None:
    kept, lost = announced([tool(name), tool("fine")], BESIDE)
    assert ([one["name"] for one in kept], lost) == (["fine"], {"tools": 1})


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 30_000), st.integers(0, 120_000), st.integers(0, 120_000)), min_size=1, max_size=40
    )
)
def test_whatever_a_server_says_the_directory_takes_what_is_announced(sizes: list[tuple[int, int, int]]) -> None:
    tools = [
        tool(f"t{place}", description="ä" * words, inputSchema=schema(given), outputSchema=schema(told))
        for place, (words, given, told) in enumerate(sizes)
    ]
    before = orjson.dumps(tools)
    kept, lost = announced(tools, BESIDE)
    assert taken(kept)
    assert [one["name"] for one in kept] == [one["name"] for one in tools]
    assert orjson.dumps(tools) == before
    assert bool(lost) == (kept != tools)
    assert len(orjson.dumps(kept)) < MAX_MANIFEST_BYTES
