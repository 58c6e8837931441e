"""A legacy session's own stream: a subscription at the server, made anew when the session's wishes change."""

from __future__ import annotations

import asyncio

import orjson
import structlog
from mcp_types.jsonrpc import METHOD_NOT_FOUND

from bus.errors import FederationError
from gateway.mcp.front.changes import acknowledged, is_notification, may_have_changed
from gateway.mcp.front.exchange import Served
from gateway.mcp.front.sessions import Sessions, SessionState
from gateway.mcp.front.streams import interrupting
from gateway.mcp.front.translation import legacy_notification, listen_params, modern
from gateway.mcp.upstream import Notify, UpstreamRequest

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0

log = structlog.get_logger(__name__)


async def follow(sessions: Sessions, served: Served, send: Notify) -> None:
    """Tell `send` of every change at the server, until the session ends or the task is cancelled.

    After a time in which nothing could be heard everything followed is told as changed, for it may be.
    """
    following = _Following(send)
    while not (state := await sessions.state(served.session)).ended:
        scope = asyncio.timeout(None)
        try:
            async with scope:
                with sessions.watching(served.session, interrupting(scope)):
                    await following.listen(served, state)
        except TimeoutError:
            if not scope.expired():
                raise


class _Following:
    """One stream of a session, over as many subscriptions as it takes."""

    def __init__(self, send: Notify) -> None:
        self._send = send
        self._pause = FIRST_PAUSE_S
        self._missed = False

    async def listen(self, served: Served, state: SessionState) -> None:
        """One subscription until the server ends it, and a pause."""
        try:
            answer = await served.upstream.answer(_wish(served, state), self._hear)
        except FederationError as exc:
            log.debug("listening_broke_off", error=exc.code)
            self._missed = True
        else:
            nothing_to_tell = answer.error_code == METHOD_NOT_FOUND  # perhaps its next version has
            self._pause = LONGEST_PAUSE_S if nothing_to_tell else self._pause
            self._missed = self._missed or not nothing_to_tell
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE_S)
        await asyncio.sleep(pause)

    def _hear(self, notification: bytes) -> None:
        if not is_notification(notification):
            log.info("frame_not_read", frame=notification[:200])
            return
        self._pause = FIRST_PAUSE_S
        honoured = acknowledged(notification)
        if honoured is not None:
            missed, self._missed = self._missed, False
            for known in may_have_changed(honoured) if missed else ():
                self._send(known)
        elif (known_here := legacy_notification(notification)) is not None:
            self._send(known_here)


def _wish(served: Served, state: SessionState) -> UpstreamRequest:
    wish = {
        "id": f"listen-{served.session.id}",
        "method": "subscriptions/listen",
        "params": listen_params(state.followed),
    }
    message = modern(wish, served.session, None)
    return UpstreamRequest(orjson.dumps(message), message, served.caller, served.headers)
