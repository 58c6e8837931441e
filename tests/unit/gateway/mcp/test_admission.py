"""What a POST must be is decided from its head and its body alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY
from multidict import CIMultiDict, CIMultiDictProxy

from bus.errors import InvalidRequest
from gateway.mcp.front.admission import (
    EVENTS,
    JSON,
    Era,
    check_accept,
    check_notification,
    check_request,
    climb,
    deadline,
    era_of,
    nothing_to_refuse,
    protocol_lines,
    travelling,
)
from gateway.mcp.front.messages import Rejected
from tests.support import mcp

MODERN_BODY = mcp.body("tools/list")
LEGACY_BODY = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


def sent(*more: tuple[str, str], **named: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict([*((k.replace("_", "-"), v) for k, v in named.items()), *more]))


@pytest.mark.parametrize(
    ("version", "body", "era"),
    [
        ("2026-07-28", MODERN_BODY, Era.MODERN),
        ("2026-07-28", LEGACY_BODY, Era.MODERN),
        ("1999-01-01", LEGACY_BODY, Era.MODERN),
        (None, LEGACY_BODY, Era.LEGACY),
        ("2025-03-26", LEGACY_BODY, Era.LEGACY),
        ("2025-11-25", [LEGACY_BODY], Era.LEGACY),
        (None, MODERN_BODY, Era.MODERN),
        ("2025-11-25", MODERN_BODY, Era.MODERN),
        (None, {"params": {"_meta": {"progressToken": 1}}}, Era.LEGACY),
        (None, {"params": []}, Era.LEGACY),
        (None, None, Era.LEGACY),
    ],
)
def test_the_era_is_told_by_the_header_or_by_the_envelope(version: str | None, body: Any, era: Era) -> None:
    assert era_of(version, body) is era


@pytest.mark.parametrize(
    "accept",
    [
        [f"{JSON}, {EVENTS}"],
        [JSON, EVENTS],
        ["*/*"],
        ["application/*, text/*;q=0.5"],
        ["Application/JSON; q=1, TEXT/event-stream"],
        [],
    ],
)
def test_an_accept_header_that_covers_both_forms_is_taken(accept: list[str]) -> None:
    check_accept(accept, JSON, EVENTS)


@pytest.mark.parametrize("accept", [[JSON], [EVENTS], ["text/html"], [f"{JSON}, {EVENTS};q=0"], [""]])
def test_an_accept_header_that_leaves_one_out_is_refused(accept: list[str]) -> None:
    with pytest.raises(Rejected) as caught:
        check_accept(accept, JSON, EVENTS)
    assert (caught.value.status, caught.value.code) == (406, -32600)


def test_a_notification_at_an_unknown_version_is_told_so() -> None:
    check_notification("2026-07-28")
    with pytest.raises(Rejected) as caught:
        check_notification("2099-01-01")
    assert (caught.value.status, caught.value.code) == (400, -32022)


def test_headers_that_agree_with_the_body_pass() -> None:
    head = sent(MCP_Protocol_Version="2026-07-28", Mcp_Method="tools/call", Mcp_Name="=?base64?w6k=?=")
    check_request(mcp.body("tools/call", {"name": "é"}), protocol_lines(head))


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (sent(MCP_Protocol_Version="2026-07-28", Mcp_Method="tools/call", Mcp_Name="b"), -32020),
        (sent(MCP_Protocol_Version="2026-07-28", Mcp_Method="tools/call"), -32020),
        (sent(MCP_Protocol_Version="2026-07-28", Mcp_Name="a"), -32020),
        (sent(Mcp_Method="tools/call", Mcp_Name="a"), -32020),
        (sent(("mcp-name", "b"), MCP_Protocol_Version="2026-07-28", Mcp_Method="tools/call", Mcp_Name="a"), -32020),
    ],
)
def test_headers_that_do_not_agree_are_refused(head: CIMultiDictProxy[str], code: int) -> None:
    with pytest.raises(Rejected) as caught:
        check_request(mcp.body("tools/call", {"name": "a"}), protocol_lines(head))
    assert (caught.value.status, caught.value.code) == (400, code)


def test_a_task_is_named_by_its_id() -> None:
    head = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tasks/get"}
    check_request(mcp.body("tasks/get", {"taskId": "t"}), protocol_lines(sent(**head, Mcp_Name="t")))
    with pytest.raises(Rejected):
        check_request(mcp.body("tasks/get", {"taskId": "t"}), protocol_lines(sent(**head, Mcp_Name="u")))


def test_only_what_is_meant_to_travels_on() -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    head = sent(
        Authorization="Bearer secret",
        Cookie="a=b",
        Omega_Caller="root",
        MCP_Protocol_Version="2026-07-28",
        MCP_PARAM_Region="eu",
        traceparent=trace,
    )
    assert travelling(head, protocol_lines(head)) == {
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Param-region": "eu",
        "traceparent": trace,
    }
    assert travelling(sent(traceparent="nonsense"), []) == {}


@pytest.mark.parametrize("head", [sent(("Mcp-Param-A", "1"), ("mcp-param-a", "2")), sent(("Mcp-Param-A", "é"))])
def test_a_parameter_header_that_cannot_be_carried_is_refused(head: CIMultiDictProxy[str]) -> None:
    with pytest.raises(Rejected) as caught:
        travelling(head, protocol_lines(head))
    assert caught.value.code == -32020


def test_a_client_may_ask_for_less_time_and_not_for_more() -> None:
    assert deadline(sent(), 60) == 60
    assert deadline(sent(X_Omega_Timeout_Ms="1500"), 60) == 1.5
    for wrong in ("0", "60001", "-1", "1.5", "x", "9" * 400, "²"):
        with pytest.raises(InvalidRequest, match="1 to 60000"):
            deadline(sent(X_Omega_Timeout_Ms=wrong), 60)


VERSIONS = st.sampled_from(["2026-07-28", "2026-07-28", "2026-07-28", "2025-11-25", "2099-01-01", "", None, 7])
METHODS = st.sampled_from(["tools/call", "tools/call", "prompts/get", "resources/read", "tools/list", "tasks/get"])
NAMES = st.sampled_from(["add", "add", "other", "=?base64?YWRk?=", "=?base64?!?=", "", "ä", None, 7, ["add"]])


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    meta = {PROTOCOL_VERSION_META_KEY: draw(VERSIONS), CLIENT_CAPABILITIES_META_KEY: {}}
    if draw(st.integers(0, 9)) == 0:
        meta.popitem()
    params: dict[str, Any] = {draw(st.sampled_from(["name", "name", "uri", "taskId"])): draw(NAMES)}
    params["_meta"] = draw(st.sampled_from([meta, meta, meta, None, []]))
    message = {"jsonrpc": "2.0", "id": 1, "method": draw(METHODS), "params": params}
    return message if draw(st.integers(0, 9)) else {**message, "params": draw(st.sampled_from([None, [], "x"]))}


@st.composite
def heads(draw: st.DrawFn) -> list[tuple[str, str]]:
    drawn = {"mcp-protocol-version": draw(VERSIONS), "mcp-method": draw(METHODS), "mcp-name": draw(NAMES)}
    lines = [(name, value) for name, value in drawn.items() if isinstance(value, str)]
    return lines + (draw(st.sampled_from([lines[:1], [("mcp-param-a", "1")]])) if draw(st.integers(0, 4)) == 0 else [])


@given(message=requests(), lines=heads())
def test_what_is_let_through_in_one_step_is_let_through_by_the_ladder(
    message: dict[str, Any], lines: list[tuple[str, str]]
) -> None:
    if len(dict(lines)) == len(lines) and nothing_to_refuse(message, dict(lines)):
        climb(message, lines)


@pytest.mark.parametrize(("method", "name"), [("tools/call", "add"), ("tools/list", None)])
def test_an_ordinary_request_needs_no_ladder(method: str, name: str | None) -> None:
    meta = {PROTOCOL_VERSION_META_KEY: "2026-07-28", CLIENT_CAPABILITIES_META_KEY: {}}
    params = {"_meta": meta, **({"name": name} if name else {})}
    told = {"mcp-protocol-version": "2026-07-28", "mcp-method": method, **({"mcp-name": name} if name else {})}
    assert nothing_to_refuse({"method": method, "params": params}, told)
