"""The server object that stands for a server elsewhere: every request is handed on, every answer handed back.

Only what is about this place is answered here: `server/discover`, `ping` and `subscriptions/listen`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

import mcp_types as types
import orjson
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.server import HandlerEntry
from mcp.server.subscriptions import ListenHandler, SubscriptionBus
from mcp.shared.exceptions import MCPError
from mcp_types import LOG_LEVEL_META_KEY
from mcp_types.methods import CACHEABLE_METHODS

from bus.errors import DeadlineExceeded, FederationError, jsonrpc
from members.adapters.link import Listener, Message
from members.adapters.session import Greeting
from members.adapters.upstream import Upstream
from members.fate import fate_of_the_call
from members.session import Notify

LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
LIST_S = 15.0
"""A list that takes longer is not worth what waits for it: the other lists, and the member's start."""

_COMPLETE = {"resultType": "complete"}
_UNCACHED = {"ttlMs": 0, "cacheScope": "private"}

Asked = ServerRequestContext[Any, Any]


class ForwardingServer(Server[Any]):
    """Serves what `upstream` serves, under the name and with the capabilities of its greeting."""

    def __init__(self, upstream: Upstream, greeting: Greeting) -> None:
        info = greeting.info
        super().__init__(
            str(info.get("name") or upstream.name),
            version=str(info.get("version") or ""),
            title=info.get("title"),
            description=info.get("description"),
            instructions=greeting.instructions,
            website_url=info.get("websiteUrl"),
        )
        self._upstream = upstream
        self._offers = types.ServerCapabilities.model_validate(dict(greeting.capabilities), by_name=False)
        self._forwarded: HandlerEntry[Any] = HandlerEntry(types.RequestParams, self._forward)
        self._listening: ListenHandler | None = None

    def serve_changes(self, fanout: SubscriptionBus) -> None:
        """Serve `subscriptions/listen` from what is published on `fanout`."""
        self._listening = ListenHandler(fanout)
        self.add_request_handler("subscriptions/listen", types.SubscriptionsListenRequestParams, self._listen)

    def get_request_handler(self, method: str) -> HandlerEntry[Any] | None:
        """Of every method, known to the SDK or not: only the server elsewhere knows what it serves."""
        return super().get_request_handler(method) or self._forwarded

    def get_capabilities(self, *_: Any, **__: Any) -> types.ServerCapabilities:
        """Those of the server elsewhere; changes of its lists are always told."""
        offers = self._offers.model_copy(deep=True)
        for part in (offers.tools, offers.prompts, offers.resources):
            if part is not None:
                part.list_changed = True
        return offers

    # from the bus, with no session of ours around it ----------------------------------------------------------------

    def relays(self, method: str) -> bool:
        """Of every method but those that are about this place."""
        return super().get_request_handler(method) is None

    async def relay(self, method: str, params: Mapping[str, Any], notify: Notify) -> dict[str, Any]:
        """The server's own result; its notifications to `notify`, as they are. Raises as a handler does."""
        level = self._level_of(params)

        async def listen(message: Message) -> None:
            if message.get("method") != "notifications/message" or _is_wanted(message, level):
                notify(orjson.dumps(message))

        result = await self._in_time(method, self._heard_from(level, method, params, listen))
        meta = result.get("_meta")
        if not isinstance(meta, dict) or meta.get(types.SERVER_INFO_META_KEY) is None:
            result["_meta"] = {**(meta or {}), types.SERVER_INFO_META_KEY: self.server_info_stamp}
        return result

    async def _listen(
        self, ctx: Asked, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        assert self._listening is not None
        async with self._upstream.watching(params.notifications.resource_subscriptions or ()):
            return await self._listening(ctx, params)

    async def _forward(self, ctx: Asked, _: types.RequestParams) -> dict[str, Any]:
        """Raises MCPError: the server's own error, or the federation's when the server is away."""
        params = ctx.params or {}
        return await self._in_time(ctx.method, self._ask(ctx, params, _Relay(ctx, self._level_of(params))))

    async def _in_time(self, method: str, asking: Awaitable[dict[str, Any]]) -> dict[str, Any]:
        """The result, complete. Raises MCPError."""
        try:
            if method.endswith("/list"):
                async with asyncio.timeout(LIST_S):
                    result = await asking
            else:
                result = await asking
        except TimeoutError as exc:
            raise _told(DeadlineExceeded(f"{self._upstream.name}: {method}: no answer in {LIST_S:g} s")) from exc
        except FederationError as exc:
            raise _told(exc) from exc
        return {**_COMPLETE, **(_UNCACHED if method in CACHEABLE_METHODS else {}), **result}

    def _level_of(self, params: Mapping[str, Any]) -> str:
        """The lowest level of log that the asker wants; the empty text: none."""
        return _log_level(params)

    async def _ask(self, ctx: Asked, params: Mapping[str, Any], listen: Listener) -> dict[str, Any]:
        """The result of one request, its notifications to `listen`. Raises what the upstream does."""
        return await self._heard_from(self._level_of(params), ctx.method, params, listen)

    async def _heard_from(self, level: str, method: str, params: Mapping[str, Any], listen: Listener) -> dict[str, Any]:
        if not level:
            return await self._upstream.ask(method, params, listen)
        self._upstream.log_listeners.add(listen)
        try:
            await self._upstream.log_from(level)
            return await self._upstream.ask(method, params, listen)
        finally:
            self._upstream.log_listeners.discard(listen)


class _Relay:
    """Hands the notifications of one request to whoever asked it."""

    def __init__(self, ctx: Asked, level: str) -> None:
        self.level = level
        """The lowest level of log wanted; the empty text: none."""
        self._ctx = ctx

    async def __call__(self, message: Message) -> None:
        params = message.get("params") or {}
        if message.get("method") == "notifications/progress":
            told = types.ProgressNotificationParams.model_validate(params, by_name=False)
            await self._ctx.session.report_progress(told.progress, told.total, told.message)
        elif message.get("method") == "notifications/message" and _is_wanted(message, self.level):
            line = types.LoggingMessageNotificationParams.model_validate(params, by_name=False)
            await self._ctx.session.send_notification(
                types.LoggingMessageNotification(params=line), related_request_id=self._ctx.request_id
            )


def _is_wanted(line: Message, lowest: str) -> bool:
    """Whether a line of log is at `lowest` or above."""
    level = (line.get("params") or {}).get("level")
    return bool(lowest) and level in LEVELS and LEVELS.index(level) >= LEVELS.index(lowest)


def _log_level(params: Mapping[str, Any]) -> str:
    meta = params.get("_meta")
    level = meta.get(LOG_LEVEL_META_KEY) if isinstance(meta, Mapping) else None
    return level if level in LEVELS else ""


def _told(error: FederationError) -> MCPError:
    """The error in MCP's form; noted, too, for a caller that is not told in MCP."""
    fate = fate_of_the_call.get()
    if fate is not None:
        fate.error = error
    body = jsonrpc(error, None)["error"]
    return MCPError(body["code"], body["message"], body["data"])
