"""Messages of one era become messages of the other, and lose only what the other does not know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from gateway.mcp.front.messages import Rejected
from gateway.mcp.front.tokens import Session
from gateway.mcp.front.translation import (
    continued,
    initialize_result,
    introduction,
    legacy_notification,
    legacy_result,
    listen_params,
    modern,
    negotiated,
    questions,
)

SESSION = Session("s", "2025-11-25", {"roots": {}}, {"name": "c", "version": "1"}, "/mcp", 1)
PREFIX = "io.modelcontextprotocol/"


@pytest.mark.parametrize(
    ("asked", "agreed"),
    [
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
        (None, "2025-11-25"),
    ],
)
def test_a_handshake_agrees_on_the_clients_version_or_on_the_newest(asked: object, agreed: str) -> None:
    assert negotiated(asked) == agreed


@pytest.mark.parametrize("params", [None, [], {}, {"protocolVersion": 1}, {"protocolVersion": "a", "capabilities": 1}])
def test_an_introduction_that_says_too_little_is_refused(params: Any) -> None:
    with pytest.raises(Rejected) as caught:
        introduction({"params": params})
    assert caught.value.code == -32602


def test_a_request_gets_the_envelope_of_its_session_and_keeps_its_own_metadata() -> None:
    message = {"id": 1, "method": "tools/call", "params": {"name": "a", "_meta": {"progressToken": 5}}}
    told = modern(message, SESSION, "warning")
    assert told["params"] == {
        "name": "a",
        "_meta": {
            "progressToken": 5,
            f"{PREFIX}protocolVersion": "2026-07-28",
            f"{PREFIX}clientCapabilities": {"roots": {}},
            f"{PREFIX}clientInfo": {"name": "c", "version": "1"},
            f"{PREFIX}logLevel": "warning",
        },
    }


def test_a_client_without_a_name_says_none() -> None:
    told = modern({"id": 1, "method": "tools/list"}, replace(SESSION, client_info={}), None)
    assert told["params"]["_meta"].keys() == {f"{PREFIX}protocolVersion", f"{PREFIX}clientCapabilities"}


@pytest.mark.parametrize("params", [[1], {"_meta": 5}, "x"])
def test_params_that_are_no_object_are_refused(params: Any) -> None:
    with pytest.raises(Rejected):
        modern({"id": 1, "method": "tools/list", "params": params}, SESSION, None)


def test_discovery_becomes_an_introduction() -> None:
    discovered = {
        "capabilities": {"tools": {"listChanged": True}, "extensions": {"x": {}}},
        "instructions": "do",
        "ttlMs": 5,
        "_meta": {f"{PREFIX}serverInfo": {"name": "s", "version": "2"}},
    }
    assert initialize_result(discovered, "2025-06-18") == {
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {"listChanged": True}, "logging": {}},
        "serverInfo": {"name": "s", "version": "2"},
        "instructions": "do",
    }


@pytest.mark.parametrize("discovered", [None, [], {}, {"capabilities": 1}])
def test_discovery_that_tells_nothing_is_an_error(discovered: Any) -> None:
    with pytest.raises(Rejected):
        initialize_result(discovered, "2025-06-18")


def test_a_result_loses_what_its_version_does_not_know() -> None:
    result = {"tools": [{"name": "a", "inputSchema": {"type": "object"}}], "resultType": "complete", "ttlMs": 1}
    told = legacy_result("tools/list", "2025-06-18", {**result, "cacheScope": "private"})
    assert told == {"tools": [{"name": "a", "inputSchema": {"type": "object"}}]}


def test_a_result_of_an_extension_passes() -> None:
    assert legacy_result("own/thing", "2025-06-18", {"a": 1, "resultType": "complete"}) == {"a": 1}


@pytest.mark.parametrize("result", [None, [], {"tools": 5}])
def test_a_result_that_is_none_harms_only_its_request(result: Any) -> None:
    with pytest.raises(Rejected) as caught:
        legacy_result("tools/list", "2025-06-18", result)
    assert caught.value.code == -32603


def test_a_listener_hears_notifications_of_its_era() -> None:
    meta = {f"{PREFIX}subscriptionId": "l"}
    acknowledged = {"method": "notifications/subscriptions/acknowledged", "params": {"_meta": meta}}
    assert legacy_notification(orjson.dumps(acknowledged)) is None
    updated = {"method": "notifications/resources/updated", "params": {"uri": "a://b", "_meta": meta}}
    told = legacy_notification(orjson.dumps(updated))
    assert told is not None
    assert orjson.loads(told)["params"] == {"uri": "a://b"}


def test_a_listener_wishes_every_list_and_the_resources_it_follows() -> None:
    assert listen_params([])["notifications"].keys() == {
        "toolsListChanged",
        "promptsListChanged",
        "resourcesListChanged",
    }
    assert listen_params({"b", "a"})["notifications"]["resourceSubscriptions"] == ["a", "b"]


def test_questions_are_asked_only_of_versions_that_know_them() -> None:
    asked = {"inputRequests": {"k": {"method": "elicitation/create", "params": {}}}}
    assert questions(asked, "2025-06-18").keys() == {"k"}
    with pytest.raises(Rejected, match="unknown in version 2025-03-26"):
        questions(asked, "2025-03-26")
    assert questions({"requestState": "x"}, "2025-03-26") == {}


def test_a_request_goes_on_with_the_answers_and_the_newest_state() -> None:
    first = {"id": 1, "method": "tools/call", "params": {"name": "a"}}
    second = continued(first, {"requestState": "one"}, {"k": {"action": "accept"}})
    assert second["params"] == {"name": "a", "inputResponses": {"k": {"action": "accept"}}, "requestState": "one"}
    assert "requestState" not in continued(second, {}, {"l": {}})["params"]
