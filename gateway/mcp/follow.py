"""A legacy session's own stream: a subscription at the server, made anew when the session's wishes change."""

from __future__ import annotations

import asyncio

import orjson
import structlog
from mcp_types.jsonrpc import METHOD_NOT_FOUND

from bus.errors import FederationError
from gateway.mcp.exchange import Served
from gateway.mcp.sessions import Sessions, SessionState
from gateway.mcp.streams import interrupting
from gateway.mcp.translation import legacy_notification, listen_params, modern
from gateway.mcp.upstream import Notify, UpstreamRequest

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0

log = structlog.get_logger(__name__)


async def follow(sessions: Sessions, served: Served, send: Notify) -> None:
    """Tell `send` of every change at the server, until the session ends or the task is cancelled."""
    pause = FIRST_PAUSE_S
    while not (state := await sessions.state(served.session)).ended:
        scope = asyncio.timeout(None)
        try:
            async with scope:
                with sessions.watching(served.session, interrupting(scope)):
                    pause = await _listened(served, state, send, pause)
        except TimeoutError:
            if not scope.expired():
                raise


async def _listened(served: Served, state: SessionState, send: Notify, pause: float) -> float:
    """One subscription until the server ends it, and a pause. Returns how long the next one should be."""
    heard = False

    def tell(notification: bytes) -> None:
        nonlocal heard
        heard = True
        known = legacy_notification(notification)
        if known is not None:
            send(known)

    try:
        answer = await served.upstream.answer(_wish(served, state), tell)
    except FederationError as exc:
        log.debug("listening_broke_off", error=exc.code)
    else:
        if answer.error_code == METHOD_NOT_FOUND:
            pause = LONGEST_PAUSE_S  # it has nothing to tell; perhaps its next version has
    if heard:
        pause = FIRST_PAUSE_S
    await asyncio.sleep(pause)
    return min(pause * 2, LONGEST_PAUSE_S)


def _wish(served: Served, state: SessionState) -> UpstreamRequest:
    wish = {
        "id": f"listen-{served.session.id}",
        "method": "subscriptions/listen",
        "params": listen_params(state.followed),
    }
    message = modern(wish, served.session, None)
    return UpstreamRequest(orjson.dumps(message), message, served.headers, None)
