"""The federation as a client sees it: find members, call their tools, announce and withdraw.

The gateway, the command line and a user's own program use this one class; whatever it does is one message on the
bus, so the stock `nats` command can do the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import orjson

from bus import codec, headers
from bus.calls import CallOptions
from bus.compact import unverified
from bus.connection import Bus
from bus.dispatch import Dispatch, Wanted
from bus.errors import (
    DeadlineExceeded,
    DirectoryAway,
    Disconnected,
    FederationError,
    NoInstance,
    OutcomeUnknown,
    UnknownMember,
)
from bus.message import Message
from bus.names import (
    ANY_INSTANCE,
    DEFAULT_INSTANCE,
    UNSAFE_NAME,
    checked_instance,
    checked_member,
    checked_tool,
    token,
)
from bus.questions import Questions
from bus.retry import SAFE_METHODS
from bus.subjects import Instance

DISCOVERY_TIMEOUT_S = 2.0
WRITE_TIMEOUT_S = 12.0
"""Longer than a directory needs to resolve a write that its storage did not confirm."""


Vet = Callable[[str], Awaitable[None]]
"""Raises why a member may not be called."""


class McpRequest(NamedTuple):
    """One MCP request on its way to a member."""

    member: str
    method: str
    name: str | None
    """What the request names (a tool, a prompt, a URI) as it goes into the `Mcp-Name` header, encoded where it must
    be; None where its method names nothing."""
    body: bytes
    """The JSON-RPC request, verbatim."""
    instance: str = ANY_INSTANCE


class Federation:
    """Everything a client does, over one `Bus`."""

    def __init__(
        self, bus: Bus, dispatch: Dispatch | None = None, *, speaks_for_callers: bool = False, vet: Vet | None = None
    ) -> None:
        """`dispatch` sends the calls; without one, each goes to whichever instance the bus chooses.

        `speaks_for_callers` is for a gateway: members it registers, keeps alive and withdraws are its callers', each
        of them told by name (`caller`) or nobody in particular (None). Elsewhere `caller` has no effect: who speaks on
        the bus for itself is told by its credentials.

        `vet` is asked before each call whether its member may be called, and raises why not.
        """
        self.bus = bus
        self._speaks_for_callers = speaks_for_callers
        self._vet = vet
        self.dispatch = dispatch if dispatch is not None else Dispatch(bus)
        self._subjects = bus.subjects
        self._questions = Questions(bus)

    # discovery ----------------------------------------------------------------------------------------------------

    async def ask(self, verb: str, query: Mapping[str, Any] | None = None) -> Any:
        """The directory's answer to `verb` (`servers`, `server`, `search`, `select`, `tags`, `tools`, `stats`).

        Raises DirectoryAway, or what the directory refused with.
        """
        return codec.decode(await self.ask_bytes(verb, orjson.dumps(query or {})))

    async def ask_bytes(self, verb: str, body: bytes, *, timeout: float = DISCOVERY_TIMEOUT_S) -> bytes:
        """As `ask`, with JSON bytes in and out, untouched. Raises Disconnected too: there is no bus to ask on."""
        try:
            return (await self._questions.ask(self._subjects.directory(verb), body, timeout=timeout)).data
        except (NoInstance, DeadlineExceeded, OutcomeUnknown) as exc:
            if not self.bus.connected:
                raise Disconnected() from None
            raise DirectoryAway() from exc

    async def server(self, member: str) -> dict[str, Any]:
        """One member's manifest. Raises UnknownMember."""
        manifest: dict[str, Any] = await self.ask("server", {"id": checked_member(member)})
        return manifest

    async def search(self, **query: Any) -> list[dict[str, Any]]:
        """The members that match every condition (`tag`, `capability`, `q`, `status`, `version` …), one page."""
        found: list[dict[str, Any]] = (await self.ask("search", query))["servers"]
        return found

    async def select(self, **query: Any) -> dict[str, Any] | None:
        """The one member to use: live first, then the newest version, then the quickest answer. None: nobody."""
        chosen: dict[str, Any] | None = (await self.ask("select", query))["server"]
        return chosen

    # calls --------------------------------------------------------------------------------------------------------

    async def call(
        self, member: str, tool: str, arguments: Mapping[str, Any] | None = None, options: CallOptions | None = None
    ) -> Any:
        """The tool's result. Raises the leaf of `bus.errors` that says what went wrong."""
        return codec.decode(await self.call_bytes(member, tool, orjson.dumps(arguments or {}), options), max_depth=256)

    async def call_bytes(self, member: str, tool: str, body: bytes, options: CallOptions | None = None) -> bytes:
        """As `call`, with JSON bytes in and out, untouched."""
        checked_member(member)
        checked_tool(tool)
        options = options or CallOptions()
        if token(tool) == UNSAFE_NAME:
            options = options._replace(headers={**options.headers, headers.MCP_NAME: tool})
        wanted = Wanted(member, f"{member}/{tool}", partial(self._plain_subject, member, tool), tool, options.safe)
        return (await self._run(wanted, body, options)).data

    def _plain_subject(self, member: str, tool: str, instance: str | None) -> str:
        if instance is None:
            return self._subjects.call(member, tool)
        return self._subjects.call_at(Instance(member, instance), tool)

    async def mcp(self, request: McpRequest, options: CallOptions | None = None) -> Message:
        """An MCP request in the 2026-07-28 form, its body untouched; the message's data is the JSON-RPC response.

        Raises what keeps it from being answered; a JSON-RPC error the member answered with is a result.
        """
        options = options or CallOptions()
        checked_member(request.member)
        sent = {**options.headers, headers.MCP_METHOD: request.method}
        if request.name is not None:
            sent[headers.MCP_NAME] = request.name
        safe = options.safe or request.method in SAFE_METHODS
        label = f"{request.member}/{request.method}"
        tool = request.name if request.method == "tools/call" else None
        pinned = None if request.instance == ANY_INSTANCE else request.instance
        wanted = Wanted(request.member, label, partial(self._mcp_subject, request), tool, safe, pinned)
        options = CallOptions(options.timeout, options.on_event, sent, options.max_result, safe)
        return await self._run(wanted, request.body, options)

    def _mcp_subject(self, request: McpRequest, instance: str | None) -> str:
        return self._subjects.mcp(request.member, instance or ANY_INSTANCE, request.method, request.name)

    async def _run(self, wanted: Wanted, body: bytes, options: CallOptions) -> Message:
        if self._vet is not None:
            await self._vet(wanted.member)
        try:
            return await self.dispatch.run(wanted, body, options)
        except NoInstance:
            await self._tell_why_nobody(wanted.member)
            raise

    async def _tell_why_nobody(self, member: str) -> None:
        """Raises UnknownMember when nobody serves `member` because there is no such member."""
        with suppress(NoInstance, DeadlineExceeded, OutcomeUnknown):  # asked once: a call to nobody ends at once
            body = orjson.dumps({"id": member})
            await self.bus.request(self._subjects.directory("server"), body, timeout=DISCOVERY_TIMEOUT_S)

    # presence -----------------------------------------------------------------------------------------------------

    async def register(self, manifest: Mapping[str, Any], instance: str = DEFAULT_INSTANCE) -> dict[str, Any]:
        """Announce a member, by its manifest or a signed one (`{"signed": "<compact JWS>"}`).

        Returns when the registry has stored it. Raises the refusal, or OutcomeUnknown.
        """
        token = manifest.get("signed")
        said = unverified(token) if isinstance(token, str) and "id" not in manifest else manifest
        named = said.get("id", said.get("service_id"))
        who = Instance(checked_member(named if isinstance(named, str) else ""), checked_instance(instance))
        return await self.register_bytes(who, orjson.dumps(manifest))

    async def register_bytes(
        self, who: Instance, body: bytes, content_type: str = codec.JSON, *, caller: str | None = None
    ) -> dict[str, Any]:
        """As `register`, with a body made elsewhere (a signed manifest, MessagePack)."""
        subject, sent = self._told("register", self._subjects.register(who), who.member, who.instance, caller=caller)
        return await self._write(subject, body, {headers.CONTENT_TYPE: content_type, **sent})

    async def heartbeat(self, member: str, instance: str = DEFAULT_INSTANCE, *, caller: str | None = None) -> None:
        """A sign of life for a member that has no connection of its own.

        Nobody confirms it, but for a caller of a gateway: then it raises UnknownMember, NotAllowed, DirectoryAway.
        """
        who = Instance(checked_member(member), checked_instance(instance))
        subject, sent = self._told("heartbeat", self._subjects.heartbeat(who), member, instance, caller=caller)
        if not self._speaks_for_callers:
            await self.bus.publish(subject, b"{}")
            return
        try:
            await self.bus.request(subject, b"{}", headers=sent, timeout=DISCOVERY_TIMEOUT_S)
        except (NoInstance, DeadlineExceeded, OutcomeUnknown) as exc:
            raise DirectoryAway() from exc

    async def leave(
        self, member: str, instance: str | None = None, *, epoch: int | None = None, caller: str | None = None
    ) -> dict[str, Any]:
        """Withdraw one instance, or all of them; with `epoch` no life later than that. Raises UnknownMember."""
        checked_member(member)
        body = codec.encode({} if epoch is None else {"epoch": epoch})
        if instance is None:
            own = self._subjects.leave_all(member)
        else:
            own = self._subjects.leave(Instance(member, checked_instance(instance)))
        subject, sent = self._told("leave", own, member, instance, caller=caller)
        return await self._write(subject, body, sent)

    def _told(
        self, verb: str, own: str, member: str, instance: str | None, *, caller: str | None
    ) -> tuple[str, dict[str, str]]:
        """Where presence is told, and with which headers: on `own` for ourselves, elsewhere on behalf of a caller."""
        if not self._speaks_for_callers:
            return own, {}
        return self._subjects.on_behalf(verb, member, instance), {headers.CALLER: caller} if caller else {}

    async def _write(self, subject: str, body: bytes, sent: Mapping[str, str] | None = None) -> dict[str, Any]:
        try:
            reply = await self.bus.request(subject, body, headers=sent, timeout=WRITE_TIMEOUT_S)
        except NoInstance as exc:
            raise DirectoryAway() from exc
        except DeadlineExceeded as exc:
            raise OutcomeUnknown("no directory confirmed in time; the change may have been stored") from exc
        return codec.decode_object(reply.data, reply.form)

    # the trail ----------------------------------------------------------------------------------------------------

    async def events(self, kind: str = "*", member: str = "*") -> AsyncIterator[dict[str, Any]]:
        """The audit trail as it happens, one object an event; from now on, until the caller stops."""
        queue: asyncio.Queue[Message] = asyncio.Queue(maxsize=10_000)
        subscription = self.bus.listen(self._subjects.event(kind, member), lambda m: _offer(queue, m))
        await self.bus.flush()
        try:
            while True:
                yield codec.decode_object((await queue.get()).data)
        finally:
            await subscription.stop()


def _offer(queue: asyncio.Queue[Message], message: Message) -> None:
    """Keep the newest: a watcher that cannot keep up misses old events, not new ones."""
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(message)


__all__ = ["CallOptions", "Federation", "FederationError", "McpRequest", "UnknownMember"]
