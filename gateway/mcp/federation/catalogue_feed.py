"""Keeps the catalogue as the directory is: hints from the audit trail, and a look at the directory's revision.

A hint has one member asked for, many have the list read, page by page. Hints may be lost, so the revision is looked at
every few seconds: one that moved without a word has the list read too. All of it happens beside the requests and in
slices, so that nobody waits for it; while no directory answers, the catalogue stays as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from time import perf_counter
from typing import Any

import orjson
import structlog

from bus import Message
from bus.connection import Subscription
from bus.errors import FederationError, UnknownMember
from bus.messages import EventKind
from gateway.inquiry import Inquiry
from gateway.mcp.federation.catalogue import Catalogue, Change
from gateway.mcp.federation.offers import digest_of, listed_tool, offer_of

SLICE_S = 0.004
"""How long the event loop is kept at a time."""
MANY_HINTS = 64
PAGE = 64
"""Members asked for at once; fewer where their manifests are larger than a message."""
SECOND_LOOKS_S = (0.25, 1.0)
"""A hint that nothing new was found for is looked after again so much later: another replica may have answered."""
RETRY_S = 0.5

_AUDIT = {
    EventKind.REJECTED,
    EventKind.CALL_DENIED,
    EventKind.ACCESS_DENIED,
    EventKind.OWNER_CHANGED,
    EventKind.TOOL_CHANGED,
    EventKind.TRUST_CHANGED,
}
_TELLING = frozenset(kind.value for kind in EventKind) - _AUDIT
Told = Callable[[Sequence[Change]], None]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often it looks."""

    gather_s: float = 0.05
    """How long hints are gathered before they are acted on."""
    check_s: float = 2.0
    """Between two looks at the directory's revision."""
    verify_s: float = 30.0
    """After a change, how long until the whole list is compared, in case a hint was lost among others."""


class Slices:
    """Gives the event loop back every few milliseconds."""

    def __init__(self) -> None:
        self._since = perf_counter()

    async def breathe(self) -> None:
        if perf_counter() - self._since > SLICE_S:
            await asyncio.sleep(0)
            self._since = perf_counter()


class Follower:
    """Follows the directory from `start` to `stop`; `told` hears every change of the catalogue, in order."""

    def __init__(self, inquiry: Inquiry, catalogue: Catalogue, told: Told, rhythm: Rhythm | None = None) -> None:
        self.ready = asyncio.Event()
        """Set once the catalogue has been filled."""
        self._inquiry = inquiry
        self._bus = inquiry.federation.bus
        self._catalogue = catalogue
        self._told = told
        self._rhythm = rhythm or Rhythm()
        self._hints: dict[str, int] = {}
        self._whole = True
        self._verify_at: float | None = None
        self._revision: int | None = None
        self._asked = count(1)
        self._taken: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._subscription = self._bus.listen(self._bus.subjects.events(), self._on_event)
        self._bus.on_return(self.doubt)
        self._wake.set()
        self._task = asyncio.create_task(self._follow(), name="mcp-catalogue")

    async def stop(self) -> None:
        if self._subscription is not None:
            await self._subscription.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def doubt(self) -> None:
        """Something may have been missed: compare everything, soon."""
        self._whole = True
        self._wake.set()

    async def look(self, member: str) -> bool:
        """Ask for one member now; whether that changed anything. Raises what kept the directory from answering."""
        number = next(self._asked)
        try:
            manifest = orjson.loads(await self._inquiry.member_bytes(member))
        except UnknownMember:
            return self._take(member, number, lambda: self._catalogue.remove(member))
        return await self._put(manifest, number, Slices())

    # hints --------------------------------------------------------------------------------------------------------

    def _on_event(self, message: Message) -> None:
        kind, _, member = message.subject.removeprefix(self._bus.subjects.event("", "")[:-1]).partition(".")
        if kind in _TELLING:
            self._hint(member, 0)

    def _hint(self, member: str, looks: int) -> None:
        self._hints[member] = looks
        self._wake.set()

    # the loop -----------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._rhythm.check_s):
                    await self._wake.wait()
                await asyncio.sleep(self._rhythm.gather_s)
            except TimeoutError:
                pass
            self._wake.clear()
            await self._freshen()

    async def _freshen(self) -> None:
        try:
            await self._look_after_hints()
            if not self._whole:
                await self._check()
            if self._whole:
                await self._compare()
        except FederationError as exc:
            log.info("catalogue_not_refreshed", error=exc.code)
            self._whole = True
            await asyncio.sleep(RETRY_S)
            self._wake.set()

    async def _look_after_hints(self) -> None:
        hints, self._hints = self._hints, {}
        self._whole = self._whole or len(hints) > MANY_HINTS
        if hints and self._verify_at is None:
            self._verify_at = self._now() + self._rhythm.verify_s
        for member, looks in () if self._whole else hints.items():
            if not await self.look(member) and looks < len(SECOND_LOOKS_S):
                asyncio.get_running_loop().call_later(SECOND_LOOKS_S[looks], self._hint_again, member, looks + 1)

    def _hint_again(self, member: str, looks: int) -> None:
        if self._task is not None and not self._task.done():
            self._hint(member, looks)

    async def _check(self) -> None:
        """Whether the directory moved on without a word, or it is time to compare."""
        revision = orjson.loads(await self._inquiry.ask("stats"))["revision"]
        silent = revision != self._revision and self._verify_at is None
        due = self._verify_at is not None and self._now() >= self._verify_at
        self._whole = silent or due
        self._revision = revision

    # the whole ----------------------------------------------------------------------------------------------------

    async def _compare(self) -> None:
        """Read the whole list and take what is new in it; who is missing from it is asked for by name."""
        self._whole, self._verify_at = False, None
        self._revision = orjson.loads(await self._inquiry.ask("stats"))["revision"]
        number, slices, seen = next(self._asked), Slices(), set()
        async for manifest in self._inquiry.every("servers", {"status": "any"}, PAGE):
            seen.add(manifest["id"])
            await self._put(manifest, number, slices)
        for member in [member for member in self._catalogue.ids if member not in seen]:
            await self.look(member)
        self._taken = {member: self._taken[member] for member in self._catalogue.ids if member in self._taken}
        self.ready.set()

    # taking -------------------------------------------------------------------------------------------------------

    async def _put(self, manifest: Mapping[str, Any], number: int, slices: Slices) -> bool:
        member = manifest["id"]
        held = self._catalogue.get(member)
        if held is not None and held.digest == digest_of(manifest):
            await slices.breathe()
            return False
        tools = []
        for tool in manifest.get("tools", ()):
            listed = listed_tool(manifest, tool)
            if listed is None:
                log.warning("tool_not_listed", member=member, tool=tool["name"], reason="not a tool clients can read")
            else:
                tools.append(listed)
            await slices.breathe()
        offer = offer_of(manifest, tools)
        return self._take(member, number, lambda: self._catalogue.put(offer))

    def _take(self, member: str, number: int, change: Callable[[], Change | None]) -> bool:
        """Apply an answer, unless the answer to a later question was applied before."""
        if self._taken.get(member, 0) > number:
            return False
        self._taken[member] = number
        made = change()
        if made is not None:
            self._told((made,))
        return made is not None

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
