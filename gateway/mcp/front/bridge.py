"""Questions to a legacy client: sent on the stream of the request they belong to, answered by a POST of the client's.

The POST may reach another gateway. A question's id names the gateway that waits, so the answer goes there over the
bus; it is taken only from the session that was asked.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import structlog
from mcp_types.jsonrpc import INVALID_REQUEST

from bus import Bus, Subscription
from bus import Message as BusMessage
from bus.errors import Busy, DeadlineExceeded, FederationError, InvalidRequest, NoInstance
from gateway.mcp.front.messages import Message, Rejected
from gateway.mcp.front.tokens import Session

MOST = 10_000
"""Questions one gateway may have open."""
ANSWER_TIMEOUT_S = 2.0
_ID = re.compile(r"omega-([0-9a-f]{8})-[0-9a-f]{16}")

log = structlog.get_logger(__name__)


class Bridge:
    """The open questions of one gateway, and the way of answers between gateways."""

    def __init__(self, bus: Bus) -> None:
        self.id = secrets.token_hex(4)
        self._bus = bus
        self._open: dict[str, tuple[str, asyncio.Future[Message]]] = {}
        self._subscription: Subscription | None = None

    def __len__(self) -> int:
        return len(self._open)

    def start(self) -> None:
        self._subscription = self._bus.listen(self._bus.subjects.gateway_answer(self.id), self._on_answer)

    async def stop(self) -> None:
        if self._subscription is not None:
            await self._subscription.stop()

    async def ask(
        self, session: Session, questions: Mapping[str, Message], send: Callable[[bytes], None], *, timeout: float
    ) -> dict[str, Any]:
        """The client's results, by the keys of `questions`. Raises Rejected with the error the client answered with,
        DeadlineExceeded, Busy."""
        if len(self._open) + len(questions) > MOST:
            raise Busy(f"{MOST} questions are open here")
        ids = {f"omega-{self.id}-{secrets.token_hex(8)}": key for key in questions}
        waiting = {ident: asyncio.get_running_loop().create_future() for ident in ids}
        try:
            for ident, future in waiting.items():
                self._open[ident] = (session.id, future)
                send(orjson.dumps({"jsonrpc": "2.0", "id": ident, **_asked(questions[ids[ident]])}))
            async with asyncio.timeout(timeout):
                return {ids[ident]: _result(await future) for ident, future in waiting.items()}
        except TimeoutError as exc:
            raise DeadlineExceeded(f"the client did not answer within {timeout:g} s") from exc
        finally:
            for ident in ids:
                self._open.pop(ident, None)

    async def answered(self, session: Session, message: Message) -> None:
        """Bring a client's answer to the gateway that waits. Raises Rejected when none does."""
        found = _ID.fullmatch(str(message["id"]))
        if found is None:
            raise _nobody_waits(message)
        if found[1] == self.id:
            if not self._take(session.id, message):
                raise _nobody_waits(message)
            return
        subject = self._bus.subjects.gateway_answer(found[1])
        body = orjson.dumps({"session": session.id, "message": message})
        try:
            await self._bus.request(subject, body, timeout=ANSWER_TIMEOUT_S)
        except (NoInstance, InvalidRequest) as exc:
            raise _nobody_waits(message) from exc

    def _on_answer(self, told: BusMessage) -> None:
        try:
            answer = orjson.loads(told.data)
            taken = self._take(answer["session"], answer["message"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            taken = False
        if taken:
            self._bus.respond(told, b"{}")
        else:
            error: FederationError = InvalidRequest("nobody waits for this answer here")
            self._bus.respond_error(told, error)

    def _take(self, session_id: str, message: Message) -> bool:
        asked, future = self._open.get(str(message["id"]), ("", None))
        if future is None or future.done() or asked != session_id:
            return False
        future.set_result(message)
        return True


def _asked(question: Message) -> Message:
    return {"method": question["method"], "params": question.get("params") or {}}


def _result(answer: Message) -> Any:
    if "result" in answer:
        return answer["result"]
    error = answer["error"] if isinstance(answer["error"], dict) else {}
    code = error.get("code")
    text = f"the client refused: {str(error.get('message', ''))[:200]}"
    raise Rejected(code if isinstance(code, int) else INVALID_REQUEST, text, error.get("data"))


def _nobody_waits(message: Message) -> Rejected:
    return Rejected(INVALID_REQUEST, f"nobody waits for an answer to {str(message['id'])[:80]!r}")
