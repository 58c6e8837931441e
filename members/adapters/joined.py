"""A member that stands for a server elsewhere: there while the server is, gone while it is not.

A server that is restarted within `Rules.absent_after_s` stays a member, and its callers are told to try again; one
that is away for longer leaves the directory and comes back by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from mcp.shared.exceptions import MCPError

from bus import Bus
from bus.errors import FederationError, Refused
from members.adapters.forwarding import ForwardingServer
from members.adapters.http import HttpLink
from members.adapters.link import Link, Listener
from members.adapters.rules import Behind, Rules
from members.adapters.session import Greeting
from members.adapters.stdio import StdioLink
from members.adapters.targets import StdioTarget, Target
from members.adapters.upstream import Upstream
from members.guard import Fetcher, Policy
from members.instance import Serving
from members.member import Member
from members.settings import MemberSettings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Described:
    """What the joining side says of the member; the rest is the server's own."""

    id: str
    tags: Sequence[str] = ()
    capabilities: Sequence[str] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further manifest fields, in force over what the server says."""


class Joined:
    """One server, joined. `run` does it all."""

    def __init__(
        self,
        described: Described,
        target: Target,
        *,
        settings: MemberSettings | None = None,
        rules: Rules | None = None,
        policy: Policy | None = None,
    ) -> None:
        """`policy` says which addresses a URL may lead to; unset, all: then the URL must be the operator's own."""
        self.id = described.id
        self.present = asyncio.Event()
        """Set while the member is in the directory."""
        self.tried = asyncio.Event()
        """Set when it was present, or the first attempt failed."""
        self._described = described
        self._settings = settings or MemberSettings()
        self._target = target
        self._policy = policy or Policy(unrestricted=True)
        behind = Behind.CHILD if isinstance(target, StdioTarget) else Behind.URL
        self.upstream = Upstream(described.id, self._open, rules or Rules(), behind)

    async def run(self, bus: Bus) -> None:
        """Be a member of the federation on `bus` until cancelled. Raises Unusable, and the directory's refusal."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep(), name=f"upstream-{self.id}")
            while True:
                await self.upstream.up.wait()
                await self._be_present(bus)

    async def _keep(self) -> None:
        first = asyncio.ensure_future(self._first_loss())
        try:
            await self.upstream.run()
        finally:
            first.cancel()
            self.tried.set()

    async def _first_loss(self) -> None:
        await asyncio.sleep(self.upstream.rules.absent_after_s)
        self.tried.set()

    async def _be_present(self, bus: Bus) -> None:
        greeting = self.upstream.greeting
        assert greeting is not None
        member = self._member(greeting)
        try:
            async with member.serving(bus) as serving:
                self._present(True)
                await self._until_gone(greeting, serving)
                self._present(False)
        except Refused:
            raise
        except (MCPError, FederationError) as exc:
            log.warning("not_joined", member=self.id, reason=str(exc))
            await asyncio.sleep(self.upstream.rules.first_pause_s)
        finally:
            self.upstream.on_change = None
            self._present(False)

    def _present(self, there: bool) -> None:
        if there:
            self.present.set()
            self.tried.set()
        else:
            self.present.clear()

    def _member(self, greeting: Greeting) -> Member:
        server = ForwardingServer(self.upstream, greeting)
        described = self._described
        fields = manifest_fields(greeting) | dict(described.more)
        fields |= {"tags": list(described.tags), "capabilities": list(described.capabilities)}
        fields |= {"name": fields.get("name") or described.id, **self._losses()}
        member = Member(described.id, server=server, settings=self._settings, **fields)
        server.serve_changes(member.fanout)
        self.upstream.on_change = member.fanout.publish
        return member

    async def _until_gone(self, greeting: Greeting, serving: Serving) -> None:
        """Until the server is away for too long, or came back as another. What it lost meanwhile is announced."""
        while True:
            await self.upstream.down.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.upstream.rules.absent_after_s):
                    await self.upstream.up.wait()
            if not self.upstream.up.is_set():
                log.warning("member_withdrawn", member=self.id, reason=self.upstream.reason)
                return
            if self.upstream.greeting != greeting:
                log.info("server_changed", member=self.id)
                return
            serving.announce_soon(**self._losses())

    def _losses(self) -> dict[str, Any]:
        """The manifest field that tells how often the server was lost. Its last words are in the log alone: a manifest
        is read by everybody, and nobody knows what a crashing server says."""
        losses = self.upstream.losses
        return {"server_losses": {"count": losses.count, "last": losses.last[:200]}} if losses.count else {}

    async def _open(self, hear: Listener) -> Link:
        if isinstance(self._target, StdioTarget):
            return await StdioLink.open(self.id, self._target, hear)
        return HttpLink(self._target, Fetcher(self._policy), hear)


def manifest_fields(greeting: Greeting) -> dict[str, Any]:
    """What a greeting says of the member, cut to what a manifest may hold."""
    info = greeting.info
    about = str(info.get("description") or greeting.instructions or "")
    return {
        "name": str(info.get("title") or info.get("name") or "")[:200],
        "description": about[:8_000],
        "version": str(info.get("version") or "1.0.0")[:64],
    }
