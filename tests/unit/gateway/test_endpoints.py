from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.endpoints import MEMO_ENTRIES, MEMO_MAX_BYTES, Addresses, Memo

ADDRESSES = Addresses("https://fed.example.org/omega", {"with_door": "http://127.0.0.1:9501"})


def test_a_member_of_the_bus_is_reached_through_the_main_port() -> None:
    manifest: dict[str, Any] = {"id": "a", "endpoints": {}}
    ADDRESSES.fill(manifest)
    assert manifest["endpoints"] == {
        "mcp": "https://fed.example.org/omega/servers/a/mcp",
        "health": "https://fed.example.org/omega/servers/a/health",
    }


def test_a_member_with_a_door_is_reached_through_it() -> None:
    assert ADDRESSES.of("with_door") == {
        "mcp": "http://127.0.0.1:9501/mcp",
        "health": "http://127.0.0.1:9501/health",
    }


@pytest.mark.parametrize("own", [{"mcp": "http://own:1/mcp"}, {"mcp": "http://own:1/mcp", "health": "http://own:1/h"}])
def test_a_member_with_its_own_mcp_keeps_its_endpoints(own: dict[str, str]) -> None:
    manifest: dict[str, Any] = {"id": "with_door", "endpoints": dict(own)}
    ADDRESSES.fill(manifest)
    assert manifest["endpoints"] == own


def test_other_endpoints_of_its_own_stay_beside_the_filled_ones() -> None:
    manifest: dict[str, Any] = {"id": "a", "endpoints": {"a2a": "http://own:1/a2a", "health": "http://own:1/h"}}
    ADDRESSES.fill(manifest)
    assert set(manifest["endpoints"]) == {"mcp", "health", "a2a"}
    assert manifest["endpoints"]["health"] == "http://own:1/h"


def test_a_manifest_without_endpoints_gets_them() -> None:
    manifest: dict[str, Any] = {"id": "a"}
    ADDRESSES.fill(manifest)
    assert "mcp" in manifest["endpoints"]


def test_every_member_of_a_page_is_filled_and_the_rest_untouched() -> None:
    page = {"servers": [{"id": "a", "endpoints": {}}, {"id": "b", "endpoints": {}}], "total": 2, "next_page": None}
    filled = orjson.loads(ADDRESSES.fill_page(orjson.dumps(page)))
    assert [server["endpoints"]["mcp"].split("/")[-2] for server in filled["servers"]] == ["a", "b"]
    assert {key: filled[key] for key in ("total", "next_page")} == {"total": 2, "next_page": None}


def test_one_member_is_filled() -> None:
    assert orjson.loads(ADDRESSES.fill_member(b'{"id":"a","endpoints":{}}'))["endpoints"] == ADDRESSES.of("a")


class _Counted:
    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, data: bytes) -> bytes:
        self.runs += 1
        return data.upper()


def test_the_memo_answers_a_repeated_reply_without_another_run() -> None:
    counted = _Counted()
    memo = Memo(counted)
    assert [memo(b"a"), memo(bytes(bytearray(b"a")))] == [b"A", b"A"]
    assert counted.runs == 1


def test_the_memo_forgets_the_reply_that_was_used_longest_ago() -> None:
    counted = _Counted()
    memo = Memo(counted)
    memo(b"kept")
    for number in range(MEMO_ENTRIES):
        memo(b"%d" % number)
        memo(b"kept")
    assert counted.runs == MEMO_ENTRIES + 1
    memo(b"0")
    assert counted.runs == MEMO_ENTRIES + 2


def test_the_memo_keeps_no_giant() -> None:
    counted = _Counted()
    memo = Memo(counted)
    giant = b"x" * (MEMO_MAX_BYTES + 1)
    memo(giant)
    memo(giant)
    assert counted.runs == 2
