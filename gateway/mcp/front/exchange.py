"""One request of a legacy session from beginning to end: translated, answered, its questions asked, its result told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from mcp_types.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS
from mcp_types.methods import is_input_required

from bus.access import Principal
from bus.errors import Cancelled, FederationError, InvalidRequest, jsonrpc
from gateway.mcp.front.bridge import Bridge
from gateway.mcp.front.inflight import InFlight, Withdrawn
from gateway.mcp.front.messages import Message, Rejected, error_body, result_body
from gateway.mcp.front.sessions import Sessions, SessionState
from gateway.mcp.front.tokens import Session
from gateway.mcp.front.translation import LEVELS, continued, legacy_result, modern, questions
from gateway.mcp.upstream import Notify, Upstream, UpstreamAnswer, UpstreamRequest
from gateway.refusals import InsufficientScope

MAX_ROUNDS = 32
"""Times one request may come back with questions."""
MAX_URI = 2_048


@dataclass(frozen=True, slots=True)
class Served:
    """What a legacy request is answered with."""

    session: Session
    state: SessionState
    upstream: Upstream
    caller: Principal
    headers: Mapping[str, str]
    timeout: float
    now: float


class Exchanges:
    """Answers requests of legacy sessions."""

    def __init__(self, sessions: Sessions, bridge: Bridge, inflight: InFlight) -> None:
        self._sessions = sessions
        self._bridge = bridge
        self._inflight = inflight
        self._own: dict[str, Callable[[Served, Mapping[str, Any]], Any]] = {
            "ping": self._ping,
            "logging/setLevel": self._set_level,
            "resources/subscribe": self._subscribe,
            "resources/unsubscribe": self._unsubscribe,
        }

    async def answer(self, served: Served, message: Message, send: Notify) -> bytes:
        """As `tell`, for one message among others: raises nothing."""
        try:
            return await self.tell(served, message, send)
        except InsufficientScope as exc:
            return orjson.dumps(jsonrpc(exc, message["id"]))

    async def tell(self, served: Served, message: Message, send: Notify) -> bytes:
        """The JSON-RPC response, an error where there is one; what comes before it goes to `send`.

        Raises InsufficientScope, which a client has to see in the status of the answer.
        """
        request_id = message["id"]
        try:
            async with self._inflight.working(served.session, request_id):
                return result_body(request_id, await self._result(served, message, send))
        except Withdrawn:
            return orjson.dumps(jsonrpc(Cancelled("the client cancelled the request"), request_id))
        except Rejected as exc:
            return error_body(request_id, exc.error)
        except InsufficientScope:
            raise
        except FederationError as exc:
            return orjson.dumps(jsonrpc(exc, request_id))

    async def _result(self, served: Served, message: Message, send: Notify) -> Any:
        own = self._own.get(message["method"])
        if own is not None:
            params = message.get("params")
            return await own(served, params if isinstance(params, dict) else {})
        asked = modern(message, served.session, served.state.log_level)
        for _ in range(MAX_ROUNDS):
            result = await self._ask(served, asked, send)
            if not asks(result):
                return legacy_result(message["method"], served.session.version, result)
            asked = await self._with_answers(served, asked, result, send)
        raise Rejected(INTERNAL_ERROR, f"the server asked more than {MAX_ROUNDS} times")

    async def _ask(self, served: Served, asked: Message, send: Notify) -> Any:
        request = UpstreamRequest(orjson.dumps(asked), asked, served.caller, served.headers, served.timeout)
        return told_result(await served.upstream.answer(request, send))

    async def _with_answers(self, served: Served, asked: Message, result: Mapping[str, Any], send: Notify) -> Message:
        open_questions = questions(result, served.session.version)
        answers = await self._bridge.ask(served.session, open_questions, send, timeout=served.timeout)
        return continued(asked, result, answers)

    # what the gateway itself answers ----------------------------------------------------------------------------------

    async def _ping(self, served: Served, params: Mapping[str, Any]) -> Message:
        return {}

    async def _set_level(self, served: Served, params: Mapping[str, Any]) -> Message:
        level = params.get("level")
        if level not in LEVELS:
            raise Rejected(INVALID_PARAMS, f"logging/setLevel: level is one of {', '.join(LEVELS)}")
        await self._change(served, lambda state: replace(state, log_level=str(level)))
        return {}

    async def _subscribe(self, served: Served, params: Mapping[str, Any]) -> Message:
        uri = _uri(params)
        await self._change(served, lambda state: replace(state, followed=state.following(uri)))
        return {}

    async def _unsubscribe(self, served: Served, params: Mapping[str, Any]) -> Message:
        uri = _uri(params)
        await self._change(served, lambda state: replace(state, followed=state.followed - {uri}))
        return {}

    async def _change(self, served: Served, changed: Callable[[SessionState], SessionState]) -> None:
        await self._sessions.change(served.session, changed, now=served.now)


def asks(result: Any) -> bool:
    """Whether a result is questions to the client rather than the end."""
    return isinstance(result, dict) and is_input_required(result)


def told_result(answer: UpstreamAnswer) -> Any:
    """The result in a response. Raises Rejected with the error in it, or when it is no response."""
    try:
        told = orjson.loads(answer.body)
        if "error" not in told:
            return told["result"]
        error = told["error"]
        code, text, data = int(error["code"]), str(error.get("message", "")), error.get("data")
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as exc:
        raise Rejected(INTERNAL_ERROR, "the server's answer is no JSON-RPC response", status=502) from exc
    raise Rejected(code, text, data)


def _uri(params: Mapping[str, Any]) -> str:
    uri = params.get("uri")
    if not isinstance(uri, str) or not 0 < len(uri) <= MAX_URI:
        raise InvalidRequest(f"uri: 1 to {MAX_URI} characters")
    return uri
