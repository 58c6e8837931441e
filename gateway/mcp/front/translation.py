"""Between the eras, without I/O: a legacy client's messages as 2026-07-28 requests, and what comes back as its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    LOG_LEVEL_META_KEY,
    PROTOCOL_VERSION_META_KEY,
    SERVER_INFO_META_KEY,
)
from mcp_types.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS
from mcp_types.methods import SERVER_REQUESTS, SERVER_RESULTS, serialize_server_result
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION
from pydantic import ValidationError

from gateway.mcp.front.messages import Message, Rejected
from gateway.mcp.front.tokens import Session

BATCHING = frozenset({"2024-11-05", "2025-03-26"})
"""Versions in which one POST may hold several messages."""
LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
_OF_THE_NEW_ERA = ("resultType", "ttlMs", "cacheScope")
_LISTED = ("tools", "prompts", "resources")


def negotiated(requested: object) -> str:
    """The version a handshake agrees on: the client's where it is one of that era, else the newest of it."""
    if isinstance(requested, str) and requested in HANDSHAKE_PROTOCOL_VERSIONS:
        return requested
    return LATEST_HANDSHAKE_VERSION


def introduction(message: Mapping[str, Any]) -> tuple[str, Message, Message]:
    """Version, capabilities and client info of an `initialize` request. Raises Rejected."""
    params = message.get("params")
    if not isinstance(params, dict) or not isinstance(params.get("protocolVersion"), str):
        raise Rejected(INVALID_PARAMS, "initialize: params.protocolVersion is missing")
    capabilities, info = params.get("capabilities", {}), params.get("clientInfo", {})
    if not isinstance(capabilities, dict) or not isinstance(info, dict):
        raise Rejected(INVALID_PARAMS, "initialize: capabilities and clientInfo must be objects")
    return params["protocolVersion"], capabilities, info


def modern(message: Mapping[str, Any], session: Session, level: str | None) -> Message:
    """A session's request with the envelope that says what the session knows. Raises Rejected."""
    params = message.get("params") or {}
    meta = params.get("_meta") or {} if isinstance(params, dict) else None
    if not isinstance(meta, dict):
        raise Rejected(INVALID_PARAMS, "params and params._meta must be objects")
    envelope = {**meta, PROTOCOL_VERSION_META_KEY: LATEST_MODERN_VERSION}
    envelope[CLIENT_CAPABILITIES_META_KEY] = session.capabilities
    if session.client_info:
        envelope[CLIENT_INFO_META_KEY] = session.client_info
    if level is not None:
        envelope[LOG_LEVEL_META_KEY] = level
    method, request_id = message["method"], message["id"]
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": {**params, "_meta": envelope}}


def initialize_result(discovered: Any, version: str) -> Message:
    """What `initialize` answers, from what `server/discover` told. Raises Rejected when that cannot be read."""
    if not isinstance(discovered, dict) or not isinstance(discovered.get("capabilities"), dict):
        raise Rejected(INTERNAL_ERROR, "server/discover: the server told no capabilities", status=502)
    capabilities = {key: value for key, value in discovered["capabilities"].items() if key != "extensions"}
    meta = discovered.get("_meta")
    info = meta.get(SERVER_INFO_META_KEY) if isinstance(meta, Mapping) else None
    told: Message = {
        "protocolVersion": version,
        "capabilities": {**capabilities, "logging": {}},
        "serverInfo": info or {"name": "unknown", "version": "0"},
    }
    if isinstance(discovered.get("instructions"), str):
        told["instructions"] = discovered["instructions"]
    return legacy_result("initialize", version, told)


def legacy_result(method: str, version: str, result: Any) -> Message:
    """A result without what the session's version does not know. Raises Rejected for one that is no such result."""
    if not isinstance(result, dict):
        raise Rejected(INTERNAL_ERROR, f"{method}: the server answered with something else than a result")
    if (method, version) in SERVER_RESULTS:  # what no version knows is an extension's own
        try:
            return serialize_server_result(method, version, result)
        except ValidationError as exc:
            text = f"{method}: the server's result is not one of version {version}"
            raise Rejected(INTERNAL_ERROR, text, {"problems": exc.error_count()}) from exc
    return {key: value for key, value in result.items() if key not in _OF_THE_NEW_ERA}


def listen_params(followed: Iterable[str]) -> Message:
    """What a session's own stream asks for: every list, and the resources it follows."""
    wish: Message = {f"{kind}ListChanged": True for kind in _LISTED}
    if uris := sorted(followed):
        wish["resourceSubscriptions"] = uris
    return {"notifications": wish}


def legacy_notification(notification: bytes) -> bytes | None:
    """A frame of a listen stream as a legacy client knows it; None for one it does not know."""
    message = orjson.loads(notification)
    if message.get("method") == "notifications/subscriptions/acknowledged":
        return None
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    if isinstance(meta, dict) and meta.pop(SUBSCRIPTION_ID_META_KEY, None) is not None and not meta:
        del params["_meta"]
    return orjson.dumps(message)


def questions(result: Mapping[str, Any], version: str) -> dict[str, Message]:
    """The requests an `input_required` result has for the client, by key. Raises Rejected for one it cannot know."""
    asked = result.get("inputRequests") or {}
    for question in asked.values():
        method = question.get("method") if isinstance(question, dict) else None
        if (method, version) not in SERVER_REQUESTS:
            raise Rejected(INTERNAL_ERROR, f"the server asks for {str(method)[:80]!r}, unknown in version {version}")
    return dict(asked)


def continued(message: Mapping[str, Any], result: Mapping[str, Any], answers: Mapping[str, Any]) -> Message:
    """The request again, with the answers to the questions of `result`."""
    params = {key: value for key, value in message["params"].items() if key != "requestState"}
    if answers:
        params["inputResponses"] = answers
    if "requestState" in result:
        params["requestState"] = result["requestState"]
    return {**message, "params": params}
