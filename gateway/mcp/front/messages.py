"""JSON-RPC as the fronts read and write it: bodies to messages, refusals to error bodies with their HTTP status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

import orjson
from aiohttp import hdrs, web
from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS, NAME_BEARING_METHODS
from mcp_types.jsonrpc import INTERNAL_ERROR, INVALID_REQUEST, PARSE_ERROR

from bus import codec
from bus.errors import FederationError, Malformed, jsonrpc
from bus.message import EMPTY
from gateway.border import REFUSAL, json_answer, retry_after

MAX_DEPTH = 256
MAX_METHOD = 128
REQUEST_CANCELLED = -32800

Message = dict[str, Any]
_TASK_METHODS = frozenset({"tasks/get", "tasks/update", "tasks/cancel"})


class Rejected(Exception):
    """A message that is answered with a JSON-RPC error; `status` is the HTTP status it is sent with."""

    def __init__(self, code: int, message: str, data: Any = None, *, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.error: Message = {"code": code, "message": message, **({} if data is None else {"data": data})}
        self.status = status or ERROR_CODE_HTTP_STATUS.get(code, 200)


class Reply(NamedTuple):
    """What is sent to a client that is owed one JSON body."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = EMPTY
    refusal: FederationError | None = None
    """The error it tells of, where it is one of the federation's."""

    def response(self) -> web.Response:
        answer = json_answer(self.body, self.status)
        if self.refusal is not None:
            answer[REFUSAL] = self.refusal
        if self.headers:
            answer.headers.update(self.headers)
        return answer


def decoded(body: bytes) -> Any:
    """The value of a body. Raises Rejected: not JSON, or nested too deep."""
    try:
        return codec.decode(body, max_depth=MAX_DEPTH)
    except Malformed as exc:
        raise Rejected(PARSE_ERROR, f"Parse error: {exc.message}") from exc


def is_request(message: Any) -> bool:
    """Whether it is a request: a method and an id that can be answered to."""
    return _is_call(message) and is_id(message.get("id"))


def is_notification(message: Any) -> bool:
    return _is_call(message) and "id" not in message


def is_answer(message: Any) -> bool:
    """Whether it answers a request: an id, and a result or an error."""
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0" or "method" in message:
        return False
    return is_id(message.get("id")) and ("result" in message) != ("error" in message)


def is_id(value: object) -> TypeGuard[str | int]:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _is_call(message: Any) -> bool:
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return False
    method = message.get("method")
    # A method becomes part of a subject, whose length the bus bounds.
    return isinstance(method, str) and 0 < len(method) <= MAX_METHOD


def not_a_message() -> Rejected:
    return Rejected(INVALID_REQUEST, "Invalid request: the body is not one JSON-RPC 2.0 request or notification")


def named(message: Mapping[str, Any]) -> str | None:
    """What a request names: a tool, a prompt, a URI, a task; None where its method names nothing."""
    method, params = message.get("method"), message.get("params")
    key = "taskId" if method in _TASK_METHODS else NAME_BEARING_METHODS.get(str(method))
    value = params.get(key) if key is not None and isinstance(params, dict) else None
    return value if isinstance(value, str) else None


def result_body(request_id: Any, result: Any) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": request_id, "result": result})


def error_body(request_id: Any, error: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": request_id, "error": error})


def rejection(refused: Rejected, request_id: Any = None) -> Reply:
    """The answer that refuses."""
    return Reply(error_body(request_id, refused.error), refused.status)


def failure(error: FederationError, request_id: Any = None) -> Reply:
    """The answer that tells what kept a request from being answered, with the error's own HTTP status.

    Always a JSON-RPC body: a bare 4xx would send a client of both eras back to `initialize`.
    """
    headers: dict[str, str] = {hdrs.RETRY_AFTER: retry_after(error)} if error.retryable else {}
    return Reply(orjson.dumps(jsonrpc(error, request_id)), error.http_status, headers, error)


def internal(request_id: Any = None) -> Reply:
    """The answer when something failed that nobody foresaw."""
    error = {"code": INTERNAL_ERROR, "message": "Internal error; its details are in the log"}
    return Reply(error_body(request_id, error), 500)
