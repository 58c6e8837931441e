"""Names of the federation can be read back, and no two members' tools share one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.names import member_uri, parted_uri
from gateway.mcp.federation.naming import exposed, parted

MEMBERS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
TOOLS = st.one_of(st.from_regex(r"[A-Za-z0-9_.-]{1,128}", fullmatch=True), st.text(min_size=1, max_size=128))
ALIKE = st.text(alphabet="a_", min_size=1, max_size=6)


@given(MEMBERS, TOOLS)
def test_a_name_is_one_that_clients_take(member: str, tool: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", exposed(member, tool))


@given(MEMBERS, TOOLS)
def test_a_name_that_can_be_read_back_is_read_back_right(member: str, tool: str) -> None:
    assert parted(exposed(member, tool)) in (None, (member, tool))


@given(ALIKE, ALIKE, ALIKE, ALIKE)
def test_no_two_tools_share_a_name(member: str, tool: str, other: str, another: str) -> None:
    if (member, tool) != (other, another):
        assert exposed(member, tool) != exposed(other, another)


@pytest.mark.parametrize("tool", ["add", "a__b", "a.b-c", "_private", "9"])
def test_an_ordinary_tool_keeps_its_plain_name(tool: str) -> None:
    assert exposed("code_analyzer_fastmcp", tool) == f"code_analyzer_fastmcp__{tool}"
    assert parted(f"code_analyzer_fastmcp__{tool}") == ("code_analyzer_fastmcp", tool)


@pytest.mark.parametrize(
    ("member", "tool"),
    [("m", "two words"), ("m", "ünï"), ("m", "x" * 128), ("a__b", "c"), ("a_", "b"), ("m", "t__0123456789")],
)
def test_a_name_that_could_be_read_two_ways_ends_in_a_digest(member: str, tool: str) -> None:
    assert re.fullmatch(r".+__[0-9a-f]{10}", exposed(member, tool))
    assert parted(exposed(member, tool)) is None


@pytest.mark.parametrize("name", ["", "search_tools", "__tool", "member__", "mem ber__t", "m__t t"])
def test_what_names_no_members_tool_is_not_read(name: str) -> None:
    assert parted(name) is None


@given(MEMBERS, st.text(min_size=1))
def test_a_members_uri_is_read_back_verbatim(member: str, uri: str) -> None:
    assert parted_uri(member_uri(member, uri)) == (member, uri)


@pytest.mark.parametrize(
    "uri",
    ["", "file:///a", "omega://member/", "omega://member/a", "omega://member/a/", "omega://directory/servers"],
)
def test_what_is_no_members_uri_is_not_read(uri: str) -> None:
    assert parted_uri(uri) is None
