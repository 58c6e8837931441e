"""A link to a URL: one POST a request, answered as JSON or as a stream; one kept client, one session.

Whatever revision is spoken, a request's notifications come on its own answer. An older server's session has one
more stream, for what belongs to no request.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import orjson
import structlog

from members.adapters.link import LinkDown, LinkLost, Listener, Message, cancelled, is_notification, is_request, refusal
from members.adapters.sse import EventReader
from members.adapters.targets import HttpTarget
from members.guard import Answer, BrokenOff, Fetcher, Forbidden, Unreachable

MAX_BODY = 64 << 20
SESSION = "Mcp-Session-Id"
QUIET_S = 5.0
"""How long a notification or the end of a session may take to be taken."""
RETRY_S = 1.0

_EVENTS = "text/event-stream"
_BASE = {"Accept": f"application/json, {_EVENTS}", "Content-Type": "application/json"}
_GONE = (404, 410)

log = structlog.get_logger(__name__)


class HttpLink:
    """The conversation with one URL. It closes when the server does not answer, or has forgotten the session."""

    def __init__(self, target: HttpTarget, fetcher: Fetcher, hear: Listener) -> None:
        """`hear` takes the notifications that belong to no request."""
        self.closed = asyncio.Event()
        self.reason = ""
        self.session = ""
        self._target = target
        self._fetcher = fetcher
        self._hear = hear
        self._tasks: set[asyncio.Task[None]] = set()

    # requests -----------------------------------------------------------------------------------------------------

    async def request(self, message: Message, listen: Listener, headers: Mapping[str, str]) -> Message:
        if self.closed.is_set():
            raise LinkDown(self.reason)
        try:
            async with self._post(message, headers) as answer:
                return await self._response(message["id"], answer, listen)
        except Unreachable as exc:
            self._end(str(exc))
            raise LinkDown(str(exc)) from exc
        except (BrokenOff, ValueError) as exc:
            raise LinkLost(str(exc)) from exc
        except Forbidden as exc:
            raise LinkDown(str(exc)) from exc
        except asyncio.CancelledError:
            self._withdraw(message["id"], headers)
            raise

    async def notify(self, message: Message, headers: Mapping[str, str]) -> None:
        try:
            async with asyncio.timeout(QUIET_S), self._post(message, headers) as answer:
                await answer.body(MAX_BODY)
        except (Unreachable, BrokenOff, Forbidden, TimeoutError, ValueError) as exc:
            raise LinkDown(str(exc) or "not taken in time") from exc

    async def close(self) -> None:
        self._end("closed")
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.session:
            await self._end_session()
        await self._fetcher.close()

    def _post(self, message: Message, headers: Mapping[str, str]) -> Any:
        sent = {**_BASE, **self._own_headers(), **headers}
        return self._fetcher.open("POST", self._target.url, headers=sent, body=orjson.dumps(message), patience=None)

    def _own_headers(self) -> dict[str, str]:
        return {**self._target.headers, **({SESSION: self.session} if self.session else {})}

    def _withdraw(self, request_id: Any, headers: Mapping[str, str]) -> None:
        """In a session the end of the stream means nothing, so say it; without one it has said so already."""
        if self.session and not self.closed.is_set():
            self._spawn(self._notify_quietly(cancelled(request_id, "the caller withdrew"), headers))

    async def _notify_quietly(self, message: Message, headers: Mapping[str, str]) -> None:
        try:
            await self.notify(message, headers)
        except LinkDown as exc:
            log.debug("not_told", url=self._target.url, reason=str(exc))

    # answers ------------------------------------------------------------------------------------------------------

    async def _response(self, request_id: Any, answer: Answer, listen: Listener) -> Message:
        if answer.form == _EVENTS and answer.status == 200:
            response = await self._from_stream(request_id, answer, listen)
        else:
            response = await self._from_body(answer)
        if self.session and forgotten(answer.status, response):
            self._end("the server has forgotten the session")
            raise LinkDown(self.reason)
        if session := answer.headers.get(SESSION):
            self.session = session
        return {**response, "id": request_id}

    async def _from_body(self, answer: Answer) -> Message:
        try:
            message = orjson.loads(await answer.body(MAX_BODY))
        except ValueError:
            message = None
        if isinstance(message, dict) and ("result" in message or "error" in message):
            return message
        return _status_error(answer.status)

    async def _from_stream(self, request_id: Any, answer: Answer, listen: Listener) -> Message:
        reader = EventReader(MAX_BODY)
        async for chunk in answer.chunks():
            for event in reader.feed(chunk):
                message = orjson.loads(event)
                if is_notification(message):
                    await listen(message)
                elif is_request(message):
                    self._refuse(message)
                elif message.get("id") == request_id:
                    return dict(message)
        raise LinkLost("the answer ended before the result")

    def _refuse(self, request: Message) -> None:
        log.info("server_asked", url=self._target.url, method=request.get("method"))
        self._spawn(self._notify_quietly(refusal(request), {}))

    # the session's own stream -------------------------------------------------------------------------------------

    def listen(self, headers: Mapping[str, str]) -> None:
        """Hear what belongs to no request, as long as the link is open and the server offers it."""
        if self.session:
            self._spawn(self._listen(headers))

    async def _listen(self, headers: Mapping[str, str]) -> None:
        while not self.closed.is_set():
            try:
                if not await self._hear_stream(headers):
                    return
            except (Unreachable, BrokenOff, ValueError) as exc:
                log.debug("stream_ended", url=self._target.url, reason=str(exc))
            except Forbidden:
                return
            await asyncio.sleep(RETRY_S * (0.5 + random.random()))

    async def _hear_stream(self, headers: Mapping[str, str]) -> bool:
        """Until it ends; False when there is no such stream."""
        sent = {"Accept": _EVENTS, **self._own_headers(), **headers}
        async with self._fetcher.open("GET", self._target.url, headers=sent, patience=None) as answer:
            if answer.status in _GONE:
                self._end("the server has forgotten the session")
            if answer.status != 200 or answer.form != _EVENTS:
                return False
            reader = EventReader(MAX_BODY)
            async for chunk in answer.chunks():
                for event in reader.feed(chunk):
                    await self._take(orjson.loads(event))
        return True

    async def _take(self, message: Message) -> None:
        if is_request(message):
            self._refuse(message)
        elif is_notification(message):
            await self._hear(message)

    async def _end_session(self) -> None:
        try:
            async with (
                asyncio.timeout(QUIET_S),
                self._fetcher.open("DELETE", self._target.url, headers=self._own_headers(), patience=QUIET_S),
            ):
                pass
        except (Unreachable, BrokenOff, Forbidden, TimeoutError) as exc:
            log.debug("session_not_ended", url=self._target.url, reason=str(exc))

    def _end(self, reason: str) -> None:
        if not self.closed.is_set():
            self.reason = reason
            self.closed.set()

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def forgotten(status: int, response: Message) -> bool:
    """Whether a refusal means that the session is gone: 404 says the specification, 400 with a word many servers."""
    error = response.get("error")
    told = str(error.get("message", "")) if isinstance(error, dict) else ""
    return status in _GONE or (status == 400 and "session" in told.lower())


def _status_error(status: int) -> Message:
    """The JSON-RPC error for an answer that is none: what it says is the server's page, and stays unread."""
    code = -32601 if status in (404, 405) else -32603
    return {"jsonrpc": "2.0", "error": {"code": code, "message": f"the server answered HTTP {status}"}}
