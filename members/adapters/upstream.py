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
from dataclasses import dataclass
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
from members.adapters.session import CannotAgree, Greeting, Session
from members.adapters.targets import Unusable

Open = Callable[[Listener], Awaitable[Link]]
"""Opens a link that hands unclaimed notifications to the listener. Raises Unusable, OSError."""

_CHANGES: dict[str, ServerEvent] = {
    "notifications/tools/list_changed": ToolsListChanged(),
    "notifications/prompts/list_changed": PromptsListChanged(),
    "notifications/resources/list_changed": ResourcesListChanged(),
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """How eager to be."""

    first_pause_s: float = 0.2
    longest_pause_s: float = 15.0
    stable_s: float = 20.0
    """A conversation that lasted this long was a good one: the next loss counts as the first."""
    absent_after_s: float = 3.0
    """A server gone for longer takes its member out of the directory, until it is back."""
    check_every_s: float = 10.0
    """An HTTP server that said nothing for so long is asked whether it is there."""
    check_patience_s: float = 5.0
    second_try_s: float = 3.0
    """How long a request that did not run waits for the server to be back before it is given back."""


class Upstream:
    """Requests for one server, however often it comes and goes. `run` does the keeping."""

    def __init__(self, name: str, open_link: Open, rules: Rules, *, checked: bool) -> None:
        """`checked`: ask an idle server for signs of life, because its link cannot tell."""
        self.name = name
        self.rules = rules
        self.greeting: Greeting | None = None
        """Of the newest conversation."""
        self.up = asyncio.Event()
        self.down = asyncio.Event()
        self.down.set()
        self.reason = "not reached yet"
        self.on_change: Callable[[ServerEvent], Awaitable[None]] | None = None
        self.log_listeners: set[Listener] = set()
        self._open = open_link
        self._checked = checked
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
            return await session.ask(method, params, listen)
        except LinkDown as exc:
            again = await self._another(session) if session is not None else None
            if again is None:
                raise self._away(str(exc)) from exc
        except LinkLost as exc:
            self._doubt.set()
            raise MemberLost(f"{self.name}: the server was lost in the middle of it: {exc}") from exc
        try:
            return await again.ask(method, params, listen)
        except LinkDown as exc:
            raise self._away(str(exc)) from exc
        except LinkLost as exc:
            raise MemberLost(f"{self.name}: the server was lost in the middle of it: {exc}") from exc

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
        return NoInstance(told, details={"member": self.name, "reason": "server_away"})

    # keeping ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the conversation until cancelled. Raises Unusable when there is none to be had at all."""
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self._converse()
            except Unusable as exc:
                if self.greeting is None:
                    raise
                self.reason = str(exc)
            except (CannotAgree, LinkDown, LinkLost, TimeoutError, OSError) as exc:
                self.reason = str(exc) or f"did not greet ({type(exc).__name__})"
            failures = 1 if time.monotonic() - began >= self.rules.stable_s else failures + 1
            pause = pause_s(self.rules, failures, random.random())
            log.warning("server_away", member=self.name, reason=self.reason, again_in_s=round(pause, 1))
            await asyncio.sleep(pause)

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

    def _beside(self, session: Session) -> Iterable[Any]:
        if session.greeting.modern:
            yield self._hear_changes(session)
        elif listen := getattr(session.link, "listen", None):
            listen({"MCP-Protocol-Version": session.greeting.revision})
        if self._checked:
            yield self._check(session)
        yield self._told_what_changed(session)

    def _found(self, session: Session) -> None:
        self._session = session
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

    async def _check(self, session: Session) -> None:
        """Ask for a sign of life now and then, and when a request broke off; without one the link is closed."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.rules.check_every_s * (0.9 + 0.2 * random.random())):
                    await self._doubt.wait()
            self._doubt.clear()
            try:
                async with asyncio.timeout(self.rules.check_patience_s):
                    await session.ping()
            except (LinkDown, LinkLost, TimeoutError) as exc:
                session.link.reason = session.link.reason or str(exc) or "no sign of life"
                session.link.closed.set()
                return

    # hearing ------------------------------------------------------------------------------------------------------

    async def _hear(self, message: Message) -> None:
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


def pause_s(rules: Rules, failures: int, chance: float) -> float:
    """The pause after so many losses in a row; `chance` in [0, 1) takes up to a fifth off."""
    full = min(rules.first_pause_s * 2.0 ** min(failures - 1, 32), rules.longest_pause_s)
    return full * (1 - 0.2 * chance)
