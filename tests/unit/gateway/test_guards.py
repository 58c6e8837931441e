from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from bus.errors import Malformed
from gateway.guards import Guards, allow_origin, hostname
from gateway.refusals import ForeignOrigin, Misdirected

GUARDS = Guards(frozenset({"localhost", "127.0.0.1", "::1", "*.example.org"}), frozenset({"https://app.example.net"}))


def _headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:9405", "127.0.0.1:1", "[::1]:9405", "a.b.example.org", "localhost."]
)
def test_a_host_on_the_list_is_let_in(host: str) -> None:
    assert GUARDS.check_host(_headers(("Host", host))) == host


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com",
        "example.org",
        "localhost.evil.com",
        "127.0.0.1.nip.io",
        "evil@localhost",
        "localhost:x",
        "[::1",
        "a b",
    ],
)
def test_a_host_not_on_the_list_is_misdirected(host: str) -> None:
    with pytest.raises(Misdirected):
        GUARDS.check_host(_headers(("Host", host)))


@pytest.mark.parametrize("pairs", [[], [("Host", "")], [("Host", "localhost"), ("Host", "evil.com")]])
def test_exactly_one_host_is_needed(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(Malformed):
        GUARDS.check_host(_headers(*pairs))


def test_a_star_lets_every_host_in() -> None:
    assert Guards(frozenset({"*"}), frozenset()).knows("anything.at.all")


def test_no_origin_is_no_page() -> None:
    assert GUARDS.check_origin(_headers(), "localhost:9405") is None


def test_a_page_of_the_gateway_itself_is_let_in() -> None:
    assert GUARDS.check_origin(_headers(("Origin", "http://localhost:9405")), "localhost:9405") is None


def test_a_page_of_an_allowed_origin_is_let_in_and_named() -> None:
    headers = _headers(("Origin", "https://app.example.net"))
    assert GUARDS.check_origin(headers, "localhost:9405") == "https://app.example.net"


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "http://evil.com", "null", "https://app.example.net.evil.com", ""]
)
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    with pytest.raises(ForeignOrigin):
        GUARDS.check_origin(_headers(("Origin", origin)), "localhost:9405")


def test_an_allowed_origin_may_read_the_answer_and_caches_know_it() -> None:
    headers: CIMultiDict[str] = CIMultiDict()
    allow_origin(headers, "https://app.example.net")
    assert headers["Access-Control-Allow-Origin"] == "https://app.example.net"
    assert headers["Vary"] == "Origin"


@pytest.mark.parametrize(("host", "name"), [("Localhost:80", "localhost"), ("[FE80::1]:80", "fe80::1"), ("a:b:c", "")])
def test_the_name_of_a_host(host: str, name: str) -> None:
    assert hostname(host) == name
