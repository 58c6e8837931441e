"""URIs of the directory are the same questions as its paths over HTTP."""

from __future__ import annotations

import pytest

from bus.errors import InvalidRequest, NotFound
from gateway.mcp.federation.catalogue import Change
from gateway.mcp.federation.directory_resources import OneServer, Servers, read_uri
from tests.unit.gateway.federation.samples import offer


def test_one_server_is_asked_for_by_id() -> None:
    assert read_uri("omega://directory/servers/a_b") == OneServer("a_b")


def test_parameters_are_the_directorys_own() -> None:
    asked = read_uri("omega://directory/search?tag=a,b&tag=c&capability=x%2Cy&q=two+words&limit=3")
    assert isinstance(asked, Servers)
    query = asked.query
    assert (asked.verb, query.tag, query.capability, query.q, query.limit) == (
        "search",
        ["a", "b", "c"],
        ["x,y"],
        "two words",
        3,
    )


@pytest.mark.parametrize(
    "uri", ["omega://directory/", "omega://directory/tags", "omega://directory/servers/a?tag=b", "x"]
)
def test_what_is_not_of_the_directory_is_not_found(uri: str) -> None:
    with pytest.raises(NotFound):
        read_uri(uri)


@pytest.mark.parametrize("query", ["tags=a", "limit=x", "q=a&q=b", "page=0", "tag=" + "x" * 200])
def test_a_wrong_parameter_is_refused(query: str) -> None:
    with pytest.raises(InvalidRequest):
        read_uri(f"omega://directory/search?{query}")


def test_a_member_id_is_checked() -> None:
    with pytest.raises(InvalidRequest):
        read_uri("omega://directory/servers/*")


def test_a_search_follows_members_that_have_or_had_what_it_asks_for() -> None:
    asked = read_uri("omega://directory/search?tag=t&capability=c")
    fits, other = offer("a", tags=["t", "u"], capabilities=["c"]), offer("a", tags=["t"])
    assert asked.follows(Change("a", None, fits)) and asked.follows(Change("a", fits, other))
    assert not asked.follows(Change("a", None, other))
    assert read_uri("omega://directory/servers").follows(Change("a", None, other))
    assert read_uri("omega://directory/servers/a").follows(Change("a", None, other))
    assert not read_uri("omega://directory/servers/b").follows(Change("a", None, other))
