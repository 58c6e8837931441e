"""Members' prompts, resources and templates, which the directory does not know: asked of each, kept, given together.

A list waits for members a bounded time, and only for those that answered last time they were asked; what arrives later
is told as a change. An answer is kept as long as the member allows, and asked for again when it says that it changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import structlog
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    PROTOCOL_VERSION_META_KEY,
    Prompt,
    Resource,
    ResourceTemplate,
)
from mcp_types.jsonrpc import METHOD_NOT_FOUND
from mcp_types.version import LATEST_MODERN_VERSION
from pydantic import BaseModel, ValidationError

from bus import CallOptions, Federation, McpRequest, Message
from bus.connection import Subscription
from bus.errors import FederationError, Internal
from bus.hygiene import clean_object
from bus.names import member_uri
from gateway.mcp.federation.naming import exposed, parted
from gateway.mcp.federation.offers import Offer
from gateway.mcp.federation.paging import Group

LEAST_KEPT_S = 5.0
"""However short a member's `ttlMs`: its own word that a list changed is heard at once anyway."""
MOST_KEPT_S = 300.0
NOTHING_KEPT_S = 300.0
"""For a member that has no lists of that kind."""
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0
MAX_PAGES = 20
MAX_ITEMS = 1_000
MAX_BYTES = 4 << 20

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """A list that members have."""

    method: str
    field: str
    """Where its items are in a result."""
    shape: type[BaseModel]
    key: str
    """What an item is called by."""
    named: Callable[[str, str], str]
    """The federation's name for a member's own."""


PROMPTS = Kind("prompts/list", "prompts", Prompt, "name", exposed)
RESOURCES = Kind("resources/list", "resources", Resource, "uri", member_uri)
TEMPLATES = Kind("resources/templates/list", "resourceTemplates", ResourceTemplate, "uriTemplate", member_uri)
KINDS = (PROMPTS, RESOURCES, TEMPLATES)
_CHANGED = {"prompts": (PROMPTS,), "resources": (RESOURCES, TEMPLATES)}


@dataclass(frozen=True, slots=True)
class GatherLimits:
    """How far a list goes for its items."""

    wait_s: float = 1.0
    """How long a list waits for members that have not been asked yet."""
    member_s: float = 5.0
    at_once: int = 32


@dataclass(frozen=True, slots=True)
class Held:
    """A member's list as it last answered."""

    items: tuple[bytes, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    """The member's own names for those of the federation's that cannot be read back."""
    until: float = 0.0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """A member's list as it came."""

    items: tuple[bytes, ...]
    names: Mapping[str, str]
    kept_s: float


NOT_ASKED = Held()
Told = Callable[[Kind, str], None]
_Key = tuple[str, str]


class Gatherer:
    """The lists of all members; `told` hears which list of which member is another than was given before."""

    def __init__(self, federation: Federation, limits: GatherLimits, told: Told) -> None:
        self._federation = federation
        self._limits = limits
        self._told = told
        self._held: dict[_Key, Held] = {}
        self._asking: dict[_Key, asyncio.Task[None]] = {}
        self._late: set[_Key] = set()
        """Lists whose answer comes after somebody was given the list without it."""
        self._again: set[_Key] = set()
        """Lists that changed while they were being asked for."""
        self._wanted: set[str] = set()
        self._slots = asyncio.Semaphore(limits.at_once)
        self._subscription: Subscription | None = None

    def start(self) -> None:
        """Hear from now on which lists changed."""
        bus = self._federation.bus
        self._subscription = bus.listen(bus.subjects.changed("*"), self._on_changed)

    async def stop(self) -> None:
        if self._subscription is not None:
            await self._subscription.stop()
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def groups(self, kind: Kind, offers: Iterable[Offer]) -> list[Group]:
        """The items of those members, by member, waited for no longer than the limit."""
        self.want(kind)
        members = [offer.id for offer in offers]
        asked = {member: self._ask(kind, member) for member in members if self._due(kind, member)}
        first = [task for member, task in asked.items() if not self._of(kind, member).failures]
        if first:
            _, slow = await asyncio.wait(first, timeout=self._limits.wait_s)
            self._late.update((kind.field, member) for member, task in asked.items() if task in slow)
        return [Group(member, items) for member in members if (items := self._of(kind, member).items)]

    async def prompt(self, name: str, offers: Iterable[Offer]) -> tuple[str, str] | None:
        """The member and its own name for a prompt; None where no list has a prompt of a name that needs the lists."""
        plain = parted(name)
        if plain is not None:
            return plain
        await self.groups(PROMPTS, offers)
        lists = ((member, held.names) for (field, member), held in self._held.items() if field == PROMPTS.field)
        return next(((member, names[name]) for member, names in lists if name in names), None)

    def want(self, kind: Kind) -> None:
        """Somebody reads this list, or listens for its changes: keep up with it."""
        self._wanted.add(kind.field)

    def doubt(self, member: str, kinds: Iterable[Kind] = KINDS, *, surely: bool = True) -> None:
        """What a member said may be another now: ask again, at once where somebody wants to know.

        `surely`: what is found is a change, even of a member that was never asked; else it may be what was there.
        """
        for kind in kinds:
            key = (kind.field, member)
            if key in self._held:
                self._held[key] = replace(self._held[key], until=0.0, failures=0)
            if key in self._asking:
                self._again.add(key)
            if kind.field in self._wanted:
                if surely or key in self._held:
                    self._late.add(key)
                self._ask(kind, member)

    def forget(self, member: str) -> None:
        """A member left, and with it what it had."""
        for kind in KINDS:
            held = self._held.pop((kind.field, member), NOT_ASKED)
            if held.items:
                self._told(kind, member)

    def _on_changed(self, message: Message) -> None:
        try:
            told = orjson.loads(message.data)
        except orjson.JSONDecodeError:
            return
        kinds = _CHANGED.get(str(told.get("kind")), ()) if isinstance(told, dict) else ()
        self.doubt(self._federation.bus.subjects.last_token(message.subject), kinds)

    # asking -------------------------------------------------------------------------------------------------------

    def _of(self, kind: Kind, member: str) -> Held:
        return self._held.get((kind.field, member), NOT_ASKED)

    def _due(self, kind: Kind, member: str) -> bool:
        return self._of(kind, member).until <= self._now()

    def _ask(self, kind: Kind, member: str) -> asyncio.Task[None]:
        """The task that asks; there is one at a time."""
        key = (kind.field, member)
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._refresh(kind, member))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return task

    async def _refresh(self, kind: Kind, member: str) -> None:
        key, before = (kind.field, member), self._held.get((kind.field, member))
        self._again.add(key)
        while key in self._again:
            self._again.discard(key)
            async with self._slots:
                after = await self._looked(kind, member, before or NOT_ASKED)
        self._held[key] = after
        shown = key in self._late or before is not None
        self._late.discard(key)
        if shown and after.items != (before or NOT_ASKED).items:
            self._told(kind, member)

    async def _looked(self, kind: Kind, member: str, before: Held) -> Held:
        try:
            async with asyncio.timeout(self._limits.member_s):
                answered = await self._items(kind, member)
        except (FederationError, TimeoutError, orjson.JSONDecodeError) as exc:
            pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**before.failures)
            log.info("list_not_had", member=member, list=kind.method, error=repr(exc), again_in_s=pause)
            return replace(before, until=self._now() + pause, failures=before.failures + 1)
        return Held(answered.items, answered.names, self._now() + answered.kept_s)

    async def _items(self, kind: Kind, member: str) -> Answered:
        """Every page of a member's list. Raises what kept it from answering."""
        items: list[bytes] = []
        names: dict[str, str] = {}
        cursor, kept_s = None, LEAST_KEPT_S
        for _ in range(MAX_PAGES):
            page = await self._page(kind, member, cursor)
            if page is None:
                return Answered((), {}, NOTHING_KEPT_S)
            for own, item in _listed(kind, member, page.get(kind.field)):
                items.append(orjson.dumps(item))
                if kind is PROMPTS and parted(item["name"]) is None:
                    names[item["name"]] = own
            cursor, kept_s = page.get("nextCursor"), _kept_s(page.get("ttlMs"))
            if not isinstance(cursor, str) or len(items) >= MAX_ITEMS:
                break
        return Answered(tuple(items[:MAX_ITEMS]), names, kept_s)

    async def _page(self, kind: Kind, member: str, cursor: str | None) -> dict[str, Any] | None:
        """One page's result; None where the member has no such list."""
        asked = McpRequest(member, kind.method, None, request_body(kind.method, {"cursor": cursor} if cursor else {}))
        options = CallOptions(timeout=self._limits.member_s, max_result=MAX_BYTES)
        told = orjson.loads((await self._federation.mcp(asked, options)).data)
        error, result = told.get("error"), told.get("result")
        if isinstance(error, dict) and error.get("code") == METHOD_NOT_FOUND:
            return None
        if not isinstance(result, dict):
            raise Internal(f"{member}: {kind.method} was answered with {str(error)[:200]}")
        return result

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def request_body(method: str, params: dict[str, Any], request_id: str = "gateway") -> bytes:
    """A request of the gateway's own."""
    meta = {PROTOCOL_VERSION_META_KEY: LATEST_MODERN_VERSION, CLIENT_CAPABILITIES_META_KEY: {}}
    return orjson.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": {**params, "_meta": meta}})


def _listed(kind: Kind, member: str, items: object) -> list[tuple[str, dict[str, Any]]]:
    """The items under the federation's names, each with its own; one that no client could read is left out."""
    found: list[tuple[str, dict[str, Any]]] = []
    for item in items if isinstance(items, Sequence) and not isinstance(items, str) else ():
        try:
            kind.shape.model_validate(item)
        except ValidationError:
            log.warning("item_not_listed", member=member, list=kind.method)
        else:
            found.append((item[kind.key], clean_object({**item, kind.key: kind.named(member, item[kind.key])})))
    return found


def _kept_s(ttl_ms: object) -> float:
    told = ttl_ms / 1000 if isinstance(ttl_ms, int | float) and not isinstance(ttl_ms, bool) else 0.0
    return min(MOST_KEPT_S, max(LEAST_KEPT_S, told))
