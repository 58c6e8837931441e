"""One server behind a member, kept in conversation: when it is lost it is opened again, with back-off and jitter.

Meanwhile every request is answered at once: nothing of it ran, try again. Whoever was in the middle of one is told
that the outcome is unknown.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any

import structlog
from mcp.server.subscriptions import (
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError

from bus.errors import MemberLost, NoInstance
from members.adapters.link import Link, LinkDown, LinkLost, Listener, Message
from members.adapters.liveness import Liveness
from members.adapters.rules import Behind, Losses, Rules
from members.adapters.session import CannotAgree, Greeting, Session
from members.adapters.targets import Unusable
from members.adapters.watch import watch

Open = Callable[[Listener], Awaitable[Link]]
"""Opens a link that hands unclaimed notifications to the listener. Raises Unusable, OSError."""

_CHANGES: dict[str, ServerEvent] = {
    "notifications/tools/list_changed": ToolsListChanged(),
    "notifications/prompts/list_changed": PromptsListChanged(),
    "notifications/resources/list_changed": ResourcesListChanged(),
}

log = structlog.get_logger(__name__)


class Upstream:
    """Requests for one server, however often it comes and goes. `run` does the keeping."""

    def __init__(self, name: str, open_link: Open, rules: Rules, behind: Behind) -> None:
        self.name = name
        self.rules = rules
        self.losses = Losses()
        self.greeting: Greeting | None = None
        """Of the newest conversation."""
        self.up = asyncio.Event()
        self.down = asyncio.Event()
        self.down.set()
        self.reason = "not reached yet"
        self.on_change: Callable[[ServerEvent], Awaitable[None]] | None = None
        self.log_listeners: set[Listener] = set()
        self._open = open_link
        self._behind = behind
        self._life = Liveness(rules, behind, 0.0)
        self._found_at: float | None = None
        self._last_words = ""
        self._session: Session | None = None
        self._watched: Counter[str] = Counter()
        self._listen_again = asyncio.Event()
        self._doubt = asyncio.Event()

    # requests -----------------------------------------------------------------------------------------------------

    async def ask(self, method: str, params: Mapping[str, Any] | None, listen: Listener) -> dict[str, Any]:
        """The server's result. Raises MCPError (its own answer), NoInstance (not executed), MemberLost."""
        session = self._session
        try:
            if session is None:
                raise LinkDown(self.reason)
            return await self._asked(session, method, params, listen)
        except LinkDown as exc:
            again = await self._another(session) if session is not None else None
            if again is None:
                raise self._away(str(exc)) from exc
        except LinkLost as exc:
            self._doubt.set()
            raise MemberLost(f"{self.name}: the server was lost in the middle of it: {exc}") from exc
        try:
            return await self._asked(again, method, params, listen)
        except LinkDown as exc:
            raise self._away(str(exc)) from exc
        except LinkLost as exc:
            raise MemberLost(f"{self.name}: the server was lost in the middle of it: {exc}") from exc

    async def _asked(
        self, session: Session, method: str, params: Mapping[str, Any] | None, listen: Listener
    ) -> dict[str, Any]:
        """The result, with what it tells of the server's life noted. Raises as `Session.ask`."""
        life = self._life

        async def heard(message: Message) -> None:
            life.heard(time.monotonic())
            await listen(message)

        number, answered = life.began(), True
        try:
            return await session.ask(method, params, heard)
        except MCPError:
            raise
        except BaseException:
            answered = False
            raise
        finally:
            now = time.monotonic()
            life.ended(number, now)
            if answered:
                life.heard(now)

    async def log_from(self, level: str) -> None:
        """Have the server tell its log from `level` up, where that is not said with each request."""
        if self._session is not None:
            with contextlib.suppress(MCPError, LinkDown, LinkLost):
                await self._session.log_from(level)

    @contextlib.asynccontextmanager
    async def watching(self, uris: Iterable[str]) -> AsyncIterator[None]:
        """Hear of changes of these resources for the length of the block."""
        mine = list(uris)
        new = [uri for uri in mine if not self._watched[uri]]
        self._watched.update(mine)
        await self._subscribe("resources/subscribe", new)
        try:
            yield
        finally:
            self._watched.subtract(mine)
            self._watched = +self._watched
            await self._subscribe("resources/unsubscribe", [uri for uri in mine if not self._watched[uri]])

    async def _subscribe(self, method: str, uris: Iterable[str]) -> None:
        if self._session is None or not uris:
            return
        if self._session.greeting.modern:
            self._listen_again.set()
            return
        for uri in uris:
            with contextlib.suppress(MCPError, LinkDown, LinkLost):
                await self._session.ask(method, {"uri": uri}, self._hear)

    async def _another(self, failed: Session) -> Session | None:
        """A newer conversation than `failed`, if there is one soon: what did not run may be asked again."""
        if not failed.link.closed.is_set():
            return None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.rules.second_try_s):
                if self._session is failed:
                    await self.down.wait()
                await self.up.wait()
        return self._session

    def _away(self, reason: str) -> NoInstance:
        told = f"{self.name}: the server behind this member is away ({reason}); not executed"
        details = {"member": self.name, "reason": "server_away", "losses": self.losses.count}
        return NoInstance(told, details=details)

    # keeping ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the conversation until cancelled. Raises Unusable when there is none to be had at all."""
        while True:
            self._found_at, self._last_words = None, ""
            try:
                await self._converse()
            except Unusable as exc:
                if self.greeting is None:
                    raise
                self.reason = str(exc)
            except (CannotAgree, LinkDown, LinkLost, TimeoutError, OSError) as exc:
                self.reason = str(exc) or f"did not greet ({type(exc).__name__})"
            await asyncio.sleep(self._lost_once_more())

    def _lost_once_more(self) -> float:
        """Count the loss and tell of it. Returns how long to pause."""
        lasted_s = time.monotonic() - self._found_at if self._found_at is not None else 0.0
        self.losses = self.losses.one_more(self.reason, lasted_s=lasted_s, rules=self.rules)
        pause = self.rules.pause_s(self._behind, self.losses.in_a_row, random.random())
        log.warning(
            "server_away",
            member=self.name,
            reason=self.reason,
            again_in_s=round(pause, 1),
            losses=self.losses.count,
            in_a_row=self.losses.in_a_row,
            **({"last_words": self._last_words} if self._last_words else {}),
        )
        return pause

    async def _converse(self) -> None:
        """One conversation, from opening to loss."""
        link = await self._open(self._hear)
        try:
            session = await _agreed(link)
            self._found(session)
            async with asyncio.TaskGroup() as beside:
                tasks = [beside.create_task(work) for work in self._beside(session)]
                await link.closed.wait()
                for task in tasks:
                    task.cancel()
            self.reason = link.reason
        finally:
            self._lost()
            await link.close()
            self._last_words = getattr(link, "last_words", "")

    def _beside(self, session: Session) -> Iterable[Any]:
        if session.greeting.modern:
            yield self._hear_changes(session)
        elif listen := getattr(session.link, "listen", None):
            listen({"MCP-Protocol-Version": session.greeting.revision})
        if self._behind is not Behind.BUS:
            yield watch(session, self._life, self._doubt)
        yield self._told_what_changed(session)

    def _found(self, session: Session) -> None:
        self._session = session
        self._found_at = time.monotonic()
        self._life = Liveness(self.rules, self._behind, self._found_at)
        self.greeting = session.greeting
        self.down.clear()
        self.up.set()
        log.info("server_there", member=self.name, revision=session.greeting.revision)

    def _lost(self) -> None:
        self._session = None
        self.up.clear()
        self.down.set()

    async def _told_what_changed(self, session: Session) -> None:
        """What a new conversation finds may differ from the last: every list counts as changed."""
        if not session.greeting.modern:
            await self._subscribe("resources/subscribe", list(self._watched))
        for event in _CHANGES.values():
            await self._tell(event)

    async def _hear_changes(self, session: Session) -> None:
        """Listen for as long as the conversation lasts, to another set of resources when that changes."""
        pause = self.rules.first_pause_s
        while True:
            self._listen_again.clear()
            listening = asyncio.ensure_future(session.hear_changes(list(self._watched), self._hear))
            again = asyncio.ensure_future(self._listen_again.wait())
            try:
                await asyncio.wait({listening, again}, return_when=asyncio.FIRST_COMPLETED)
                if listening.done() and isinstance(listening.exception(), MCPError):
                    return  # it offers no such stream
            finally:
                listening.cancel()
                again.cancel()
                await asyncio.gather(listening, again, return_exceptions=True)
            if not self._listen_again.is_set():
                self._doubt.set()
                await asyncio.sleep(pause)
                pause = min(pause * 2, self.rules.longest_pause_s)
                await self._told_what_changed(session)

    # hearing ------------------------------------------------------------------------------------------------------

    async def _hear(self, message: Message) -> None:
        self._life.heard(time.monotonic())
        method = message.get("method", "")
        if event := _CHANGES.get(method):
            await self._tell(event)
        elif method == "notifications/resources/updated":
            await self._tell(ResourceUpdated(uri=str((message.get("params") or {}).get("uri", ""))))
        elif method == "notifications/message":
            for listen in list(self.log_listeners):
                await listen(message)

    async def _tell(self, event: ServerEvent) -> None:
        if self.on_change is not None:
            await self.on_change(event)


async def _agreed(link: Link) -> Session:
    """The session on a new link; the link's end ends the wait. Raises as `Session.agree`."""
    agreeing = asyncio.ensure_future(Session.agree(link))
    ended = asyncio.ensure_future(link.closed.wait())
    try:
        await asyncio.wait({agreeing, ended}, return_when=asyncio.FIRST_COMPLETED)
        if agreeing.done():
            return agreeing.result()
        raise LinkDown(link.reason)
    finally:
        agreeing.cancel()
        ended.cancel()
        await asyncio.gather(agreeing, ended, return_exceptions=True)
