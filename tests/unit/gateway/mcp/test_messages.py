"""JSON-RPC messages are told apart by their shape."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bus.errors import Busy, UnknownMember
from gateway.mcp.front.messages import (
    Rejected,
    decoded,
    failure,
    is_answer,
    is_notification,
    is_request,
    named,
    rejection,
)
from gateway.mcp.front.sse import frame

REQUEST = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (REQUEST, "request"),
        ({**REQUEST, "id": "a"}, "request"),
        ({"jsonrpc": "2.0", "method": "ping"}, "notification"),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, "answer"),
        ({"jsonrpc": "2.0", "id": 1, "error": {"code": 1}}, "answer"),
        ({**REQUEST, "id": None}, "nothing"),
        ({**REQUEST, "id": True}, "nothing"),
        ({**REQUEST, "id": 1.5}, "nothing"),
        ({**REQUEST, "jsonrpc": "1.0"}, "nothing"),
        ({**REQUEST, "method": ""}, "nothing"),
        ({**REQUEST, "method": "x" * 129}, "nothing"),
        ({**REQUEST, "method": 7}, "nothing"),
        ({"jsonrpc": "2.0", "id": 1}, "nothing"),
        ({"jsonrpc": "2.0", "id": 1, "result": {}, "error": {}}, "nothing"),
        ([], "nothing"),
        ("text", "nothing"),
        (None, "nothing"),
    ],
)
def test_a_message_is_of_one_kind_or_none(message: Any, kind: str) -> None:
    kinds = {"request": is_request(message), "notification": is_notification(message), "answer": is_answer(message)}
    assert [name for name, is_it in kinds.items() if is_it] == ([] if kind == "nothing" else [kind])


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'"\\ud800"', b"[" * 300 + b"]" * 300, b"NaN"])
def test_what_is_not_json_is_a_parse_error(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        decoded(body)
    assert (caught.value.status, caught.value.code) == (400, -32700)


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("tools/call", {"name": "a"}, "a"),
        ("prompts/get", {"name": "b"}, "b"),
        ("resources/read", {"uri": "c://d"}, "c://d"),
        ("tasks/cancel", {"taskId": "e"}, "e"),
        ("tools/list", {"name": "a"}, None),
        ("tools/call", {}, None),
        ("tools/call", {"name": 5}, None),
        ("tools/call", [], None),
    ],
)
def test_a_request_names_what_its_method_says(method: str, params: Any, name: str | None) -> None:
    assert named({"method": method, "params": params}) == name


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (-32700, 400),
        (-32600, 400),
        (-32601, 404),
        (-32602, 400),
        (-32603, 200),
        (-32020, 400),
        (-32021, 400),
        (-32022, 400),
    ],
)
def test_every_code_of_the_protocol_has_its_status(code: int, status: int) -> None:
    assert rejection(Rejected(code, "text")).status == status


def test_a_refusal_of_the_bus_is_json_rpc_with_its_own_status() -> None:
    unknown, busy = failure(UnknownMember(), 7), failure(Busy(), 8)
    assert (unknown.status, orjson.loads(unknown.body)["error"]["data"]["code"]) == (404, "unknown_member")
    assert (busy.status, orjson.loads(busy.body)["id"], busy.headers) == (429, 8, {"Retry-After": "1"})


def test_an_event_is_one_message_whatever_white_space_it_holds() -> None:
    assert frame(b'{"a":1}') == b'event: message\ndata: {"a":1}\n\n'
    assert frame(b'{\n"a":\r\n1}') == b'event: message\ndata: {\ndata: "a":\ndata: 1}\n\n'
