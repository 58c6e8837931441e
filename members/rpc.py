"""MCP 2026-07-28 over the bus, from a member's side: a JSON-RPC request's bytes in, the response's bytes out.

The SDK's own ladder and runner decide; this adds what only the bus can check: that subject, headers and body say the
same. Any server object built on the SDK's low-level `Server` is served alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import orjson
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.mcpserver.tools import Tool
from mcp.server.runner import modern_error_data, serve_one
from mcp.shared.inbound import (
    NAME_BEARING_METHODS,
    InboundLadderRejection,
    InboundModernRoute,
    classify_inbound_request,
    decode_header_value,
    validate_mcp_param_headers,
    x_mcp_header_map,
)
from mcp.shared.jsonrpc_dispatcher import progress_token_from_params
from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY
from mcp_types.jsonrpc import HEADER_MISMATCH, INVALID_REQUEST, PARSE_ERROR

from bus import Message, codec, headers
from bus.errors import FederationError
from bus.names import UNSAFE_NAME
from bus.subjects import method_tokens, name_token
from members.direct import CALL, DirectTools
from members.session import BusDispatch, Notify

PROTOCOL_VERSION = "2026-07-28"
_MAX_DEPTH = 256
_TASK_METHODS = frozenset({"tasks/get", "tasks/update", "tasks/cancel"})


@dataclass(frozen=True, slots=True)
class RpcReply:
    """A JSON-RPC response; `error_code` is its error's code, None for a result."""

    body: bytes
    error_code: int | None = None


class Rejected(Exception):
    """The request is answered with a JSON-RPC error before the server sees it."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, **({"data": data} if data is not None else {})}


@runtime_checkable
class Relay(Protocol):
    """A server object that hands requests on: they need no session of ours, which the server elsewhere has."""

    def relays(self, method: str) -> bool:
        """Whether `relay` takes requests of this method."""
        ...

    async def relay(self, method: str, params: Mapping[str, Any], notify: Notify) -> dict[str, Any]:
        """The result, as it goes on the wire. Raises MCPError."""
        ...


class Rpc:
    """One server object, answering requests; its lifespan was entered by whoever made this."""

    def __init__(self, server: Server[Any], lifespan_state: Any, tools: Mapping[str, Tool] | None = None) -> None:
        """`tools` are those of `server` that may be called without a session around them."""
        self.server = server
        self._state = lifespan_state
        self._direct = DirectTools(server, tools or {}, PROTOCOL_VERSION)
        self._relay = server if isinstance(server, Relay) else None
        self._mirroring: dict[str, tuple[Any, bool]] = {}
        """By tool: its schema, and whether that wants arguments mirrored in headers."""

    async def answer(self, message: Message, tail: str, notify: Notify) -> RpcReply:
        """The response to the request in `message`, whose subject ended in `tail`. Never raises for a bad request."""
        body: dict[str, Any] = {}
        try:
            body = _request(message.data)
            route = _route(body)
            _agree(body, message.headers, tail)
            self._check_params(body, message.headers)
            return await self._run(body, route, notify)
        except Rejected as exc:
            return _response(body.get("id"), {"error": exc.error}, exc.error["code"])

    async def ask(self, method: str, params: Mapping[str, Any], dispatch: BusDispatch) -> dict[str, Any]:
        """The result of a request of our own making. Raises what the server raises."""
        meta: dict[str, Any] = {PROTOCOL_VERSION_META_KEY: PROTOCOL_VERSION, CLIENT_CAPABILITIES_META_KEY: {}}
        if dispatch.progress_token is not None:
            meta["progressToken"] = dispatch.progress_token
        return await serve_one(
            self.server,
            dispatch,
            method,
            {**params, "_meta": meta},
            connection=Connection.from_envelope(PROTOCOL_VERSION, None, {}),
            lifespan_state=self._state,
        )

    async def _run(self, body: dict[str, Any], route: InboundModernRoute, notify: Notify) -> RpcReply:
        try:
            result = await self._result(body, route, notify)
        except Exception as exc:  # noqa: BLE001 - a handler may raise anything; the SDK's map decides what is told
            error = modern_error_data(exc).model_dump(mode="json", by_alias=True, exclude_none=True)
            return _response(body["id"], {"error": error}, error["code"])
        return _response(body["id"], {"result": result})

    async def _result(self, body: dict[str, Any], route: InboundModernRoute, notify: Notify) -> dict[str, Any]:
        """By the shortest way that this request can take."""
        method, params = body["method"], body["params"]
        tool = self._direct.tool(params) if method == CALL else None
        if tool is not None:
            return await self._direct.call(tool, params.get("arguments", {}))
        if self._relay is not None and self._relay.relays(method):
            return await self._relay.relay(method, params, notify)
        dispatch = BusDispatch(body["id"], progress_token_from_params(params), notify)
        connection = Connection.from_envelope(route.protocol_version, route.client_info, route.client_capabilities)
        return await serve_one(self.server, dispatch, method, params, connection=connection, lifespan_state=self._state)

    def _check_params(self, body: dict[str, Any], sent: Mapping[str, str]) -> None:
        """`Mcp-Param-*` headers must equal the arguments they mirror; only the tool's schema says which they are."""
        lookup = self.server.get_tool_input_schema
        if body["method"] != CALL or lookup is None or headers.MCP_VERSION not in sent:
            return  # without the version header it does not come from a client whose headers mirror arguments
        params = body["params"]
        name, arguments = params.get("name"), params.get("arguments")
        schema = lookup(name) if isinstance(name, str) else None
        if schema is None or not (arguments is None or isinstance(arguments, dict)) or not self._mirrors(name, schema):
            return
        given = {key: value for key, value in sent.items() if key.lower().startswith("mcp-param-")}
        wrong = validate_mcp_param_headers(schema, arguments or {}, given)
        if wrong is not None:
            raise Rejected(wrong.code, wrong.message, wrong.data)

    def _mirrors(self, tool: str, schema: Any) -> bool:
        """Whether a tool's schema names arguments that headers mirror: found once, and again for another schema."""
        known = self._mirroring.get(tool)
        if known is None or known[0] is not schema:
            known = self._mirroring[tool] = (schema, bool(x_mcp_header_map(schema)))
        return known[1]


def _request(data: bytes) -> dict[str, Any]:
    try:
        body = codec.decode(data, max_depth=_MAX_DEPTH)
    except FederationError as exc:
        raise Rejected(PARSE_ERROR, f"Parse error: {exc.message}") from exc
    if not isinstance(body, dict) or body.get("jsonrpc") != "2.0" or not isinstance(body.get("method"), str):
        raise Rejected(INVALID_REQUEST, "Invalid request: one JSON-RPC 2.0 request object")
    if isinstance(body.get("id"), bool) or not isinstance(body.get("id"), str | int):
        raise Rejected(INVALID_REQUEST, "Invalid request: id must be a string or an integer")
    return body


def _route(body: dict[str, Any]) -> InboundModernRoute:
    route = classify_inbound_request(body)
    if isinstance(route, InboundLadderRejection):
        raise Rejected(route.code, route.message, route.data)
    return route


def named(body: Mapping[str, Any]) -> str | None:
    """What a request names: a tool, a prompt, a URI, a task; None where its method names nothing."""
    method, params = body.get("method"), body.get("params")
    key = "taskId" if method in _TASK_METHODS else NAME_BEARING_METHODS.get(str(method))
    value = params.get(key) if key is not None and isinstance(params, Mapping) else None
    return value if isinstance(value, str) else None


def _agree(body: dict[str, Any], sent: Mapping[str, str], tail: str) -> None:
    """Subject, headers and body must say the same: whoever was let through by one must not be served another."""
    method, name = body["method"], named(body)
    token = name_token(name)
    if tail != f"{method_tokens(method)}.{token}":
        raise Rejected(HEADER_MISMATCH, f"the subject does not name {method!r} and what it is about")
    if sent.get(headers.MCP_METHOD, method) != method:
        raise Rejected(HEADER_MISMATCH, "Mcp-Method header does not match the request body's method")
    told = sent.get(headers.MCP_NAME)
    required = name is not None and token == UNSAFE_NAME
    if (told is None and required) or (told is not None and decode_header_value(told) != name):
        raise Rejected(HEADER_MISMATCH, "Mcp-Name header does not match the request body")
    version = sent.get(headers.MCP_VERSION)
    meta = body["params"]["_meta"]
    if version is not None and version != meta.get(PROTOCOL_VERSION_META_KEY):
        raise Rejected(HEADER_MISMATCH, "MCP-Protocol-Version header does not match the request envelope")


def _response(request_id: Any, outcome: dict[str, Any], code: int | None = None) -> RpcReply:
    return RpcReply(orjson.dumps({"jsonrpc": "2.0", "id": request_id, **outcome}), code)
