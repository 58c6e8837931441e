"""A stdio MCP server for a program on this machine, in front of a member or of the whole federation.

Both eras are spoken: a 2026-07-28 client is handed through; for an older one its handshake becomes the envelope of
each request, changes are told as it expects them, and a question of the server's is put to it as a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import CLIENT_CAPABILITIES_META_KEY, LOG_LEVEL_META_KEY, PROTOCOL_VERSION_META_KEY
from mcp_types.version import LATEST_MODERN_VERSION, MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel

from bus import Federation
from members.adapters.buslink import BusLink
from members.adapters.forwarding import ForwardingServer
from members.adapters.http import HttpLink
from members.adapters.link import Link, Listener
from members.adapters.rules import Behind, Rules
from members.adapters.session import Greeting
from members.adapters.targets import HttpTarget
from members.adapters.upstream import Upstream
from members.guard import Fetcher, Policy

MAX_ROUNDS = 16
"""Questions one request may ask in a row."""

Asked = ServerRequestContext[Any, Any]

_QUESTIONS: dict[str, tuple[type[Any], type[BaseModel]]] = {
    "elicitation/create": (types.ElicitRequest, types.ElicitResult),
    "sampling/createMessage": (types.CreateMessageRequest, types.CreateMessageResult),
    "roots/list": (types.ListRootsRequest, types.ListRootsResult),
}


class NobodyThere(Exception):
    """What was to be served does not answer; the message says why."""


class DeskServer(ForwardingServer):
    """Forwards for one client of either era."""

    def __init__(self, upstream: Upstream, greeting: Greeting) -> None:
        super().__init__(upstream, greeting)
        self._changes = InMemorySubscriptionBus()
        self._client: ServerSession | None = None
        self._level = ""
        self._followed: dict[str, AsyncExitStack] = {}
        self.serve_changes(self._changes)
        self.add_notification_handler("notifications/initialized", types.NotificationParams, self._older_client)
        self.add_request_handler("resources/subscribe", types.SubscribeRequestParams, self._follow)
        self.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, self._unfollow)
        self.add_request_handler("logging/setLevel", types.SetLevelRequestParams, self._log_from)

    async def changed(self, event: ServerEvent) -> None:
        """Tell the client, in its way."""
        await self._changes.publish(event)
        client = self._client
        if client is None:
            return
        if isinstance(event, ToolsListChanged):
            await client.send_tool_list_changed()
        elif isinstance(event, PromptsListChanged):
            await client.send_prompt_list_changed()
        elif isinstance(event, ResourcesListChanged):
            await client.send_resource_list_changed()
        elif isinstance(event, ResourceUpdated) and event.uri in self._followed:
            await client.send_resource_updated(event.uri)

    # an older client ----------------------------------------------------------------------------------------------

    async def _older_client(self, ctx: Asked, _: types.NotificationParams) -> None:
        self._client = ctx.session

    async def _follow(self, _: Asked, params: types.SubscribeRequestParams) -> types.EmptyResult:
        uri = str(params.uri)
        if uri not in self._followed:
            stack = self._followed[uri] = AsyncExitStack()
            await stack.enter_async_context(self._upstream.watching([uri]))
        return types.EmptyResult()

    async def _unfollow(self, _: Asked, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        stack = self._followed.pop(str(params.uri), None)
        if stack is not None:
            await stack.aclose()
        return types.EmptyResult()

    async def _log_from(self, _: Asked, params: types.SetLevelRequestParams) -> types.EmptyResult:
        self._level = params.level
        return types.EmptyResult()

    def _level_of(self, params: Mapping[str, Any]) -> str:
        return super()._level_of(params) or self._level

    async def _ask(self, ctx: Asked, params: Mapping[str, Any], listen: Listener) -> dict[str, Any]:
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return await super()._ask(ctx, params, listen)
        asked = self._enveloped(ctx, params)
        for _ in range(MAX_ROUNDS):
            result = await super()._ask(ctx, asked, listen)
            if result.get("resultType") != "input_required":
                return result
            answers = {key: await _put(ctx, one) for key, one in (result.get("inputRequests") or {}).items()}
            asked = {**asked, "inputResponses": answers}
            if "requestState" in result:
                asked["requestState"] = result["requestState"]
        raise MCPError(types.INTERNAL_ERROR, f"the server asked more than {MAX_ROUNDS} times")

    def _enveloped(self, ctx: Asked, params: Mapping[str, Any]) -> dict[str, Any]:
        client = ctx.session.client_capabilities
        offers = client.model_dump(by_alias=True, mode="json", exclude_none=True) if client else {}
        meta = {
            **(params.get("_meta") or {}),
            PROTOCOL_VERSION_META_KEY: LATEST_MODERN_VERSION,
            CLIENT_CAPABILITIES_META_KEY: offers,
            **({LOG_LEVEL_META_KEY: self._level} if self._level else {}),
        }
        return {**params, "_meta": meta}


async def _put(ctx: Asked, question: Mapping[str, Any]) -> dict[str, Any]:
    """The client's answer to one question. Raises MCPError: no such question, or the client refuses it."""
    known = _QUESTIONS.get(str(question.get("method")))
    if known is None:
        raise MCPError(types.INTERNAL_ERROR, f"the server asks {str(question.get('method'))[:80]!r}: not known here")
    request, result = known
    asked = request.model_validate(dict(question), by_name=False)
    answer = await ctx.session.send_request(asked, result, metadata=ServerMessageMetadata(ctx.request_id))
    return answer.model_dump(by_alias=True, mode="json", exclude_none=True)


async def serve_desk(name: str, upstream: Upstream, *, patience_s: float) -> None:
    """Serve stdin and stdout until the client closes them. Raises NobodyThere after `patience_s` without an answer."""
    keeping = asyncio.create_task(upstream.run())
    try:
        try:
            async with asyncio.timeout(patience_s):
                await upstream.up.wait()
        except TimeoutError as exc:
            raise NobodyThere(f"{name} does not answer: {upstream.reason}") from exc
        assert upstream.greeting is not None
        server = DeskServer(upstream, upstream.greeting)
        upstream.on_change = server.changed
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


def of_member(federation: Federation, member: str) -> Upstream:
    """One member, over the bus."""

    async def open_link(_: Listener) -> Link:
        return BusLink(federation, member)

    return Upstream(member, open_link, Rules(), Behind.BUS)


def of_url(name: str, url: str, headers: Mapping[str, str] | None = None) -> Upstream:
    """What a gateway shows at a URL: the whole federation, or a part of it. `headers` go with every request."""

    async def open_link(hear: Listener) -> Link:
        return HttpLink(HttpTarget(url, headers or {}), Fetcher(Policy(unrestricted=True)), hear)

    return Upstream(name, open_link, Rules(), Behind.URL)
