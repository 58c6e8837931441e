"""A link on which both sides agreed how to speak.

A 2026-07-28 server gets requests as they came. For an older one the envelope of each request is taken off and the
session's own handshake stands in for it; its answers are completed by the server object in front.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import count
from typing import Any

import structlog
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import NAME_BEARING_METHODS, encode_header_value, mcp_param_headers, x_mcp_header_map
from mcp_types import CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY, LOG_LEVEL_META_KEY, PROTOCOL_VERSION_META_KEY
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION

from members.adapters.link import Link, Listener, Message

HELLO_S = 60.0
"""How long a server may take to greet: it may be downloaded first."""
DISCOVER_S = 5.0
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
RESOURCE_NOT_FOUND = -32002
INVALID_PARAMS = -32602
UNSUPPORTED_PROTOCOL_VERSION = -32022

_ENVELOPE = (PROTOCOL_VERSION_META_KEY, CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY, LOG_LEVEL_META_KEY)

log = structlog.get_logger(__name__)


class CannotAgree(Exception):
    """The server answered, but in no revision that is spoken here."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a server says of itself."""

    revision: str
    info: Mapping[str, Any]
    """MCP's `serverInfo`: `name`, `version`, `title` …"""
    capabilities: Mapping[str, Any]
    instructions: str | None = None

    @property
    def modern(self) -> bool:
        return self.revision not in HANDSHAKE_PROTOCOL_VERSIONS


class Session:
    """Requests to one server, many at once."""

    def __init__(self, link: Link, ids: count[int]) -> None:
        self.link = link
        self.greeting = Greeting(LATEST_MODERN_VERSION, {}, {})
        self._ids = ids
        self._mirrors: dict[str, dict[tuple[str, ...], str]] = {}
        self._log_level = ""

    @classmethod
    async def agree(cls, link: Link, *, patience: float = HELLO_S) -> Session:
        """Greet the server: 2026-07-28 first, the handshake of older revisions if it does not know that.

        Raises CannotAgree, LinkDown, LinkLost, TimeoutError.
        """
        session = cls(link, count(1))
        async with asyncio.timeout(patience):
            session.greeting = await session._discover() or await session._initialize() or await session._at_last()
        return session

    async def ask(self, method: str, params: Mapping[str, Any] | None, listen: Listener) -> dict[str, Any]:
        """The result. `listen` takes the request's notifications, under the progress token it was given.

        Raises MCPError (what the server answered), LinkDown, LinkLost.
        """
        number = next(self._ids)
        given = dict(params or {})
        meta = dict(given.get("_meta") or {})
        token = meta.get("progressToken")
        sent = self._in_its_words(given, meta, number)
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": sent}
        response = await self.link.request(message, _under(token, listen), self._headers(method, sent))
        result = _result(response)
        if method == "tools/list":
            self._learn_mirrors(result)
        return result

    async def ping(self) -> None:
        """Return when the server answers, whatever it says. Raises LinkDown, LinkLost."""
        try:
            await self.ask("server/discover" if self.greeting.modern else "ping", self._own_params(), _ignore)
        except MCPError as exc:
            log.debug("ping_refused", code=exc.error.code)  # an answer is a sign of life, whatever it says

    async def log_from(self, level: str) -> None:
        """Have an older server tell its log from `level` up; 2026-07-28 says it with each request."""
        wanted = not self.greeting.modern and "logging" in self.greeting.capabilities
        if wanted and level != self._log_level:
            self._log_level = level
            await self.ask("logging/setLevel", {"level": level}, _ignore)

    async def hear_changes(self, uris: Sequence[str], listen: Listener) -> None:
        """Hear of changed lists, and of changes of the resources `uris`, on a stream of a 2026-07-28 server.

        Returns when the server ends it. Raises MCPError, LinkDown, LinkLost.
        """
        wish: dict[str, Any] = {f"{kind}ListChanged": True for kind in ("tools", "prompts", "resources")}
        if uris:
            wish["resourceSubscriptions"] = list(uris)
        await self.ask("subscriptions/listen", {**self._own_params(), "notifications": wish}, listen)

    # agreeing -----------------------------------------------------------------------------------------------------

    async def _discover(self, *, patience: float = DISCOVER_S) -> Greeting | None:
        """None: it does not know 2026-07-28."""
        try:
            async with asyncio.timeout(patience):
                said = await self.ask("server/discover", self._own_params(), _ignore)
        except (MCPError, TimeoutError):
            return None
        if LATEST_MODERN_VERSION not in (said.get("supportedVersions") or ()):
            return None
        info = (said.get("_meta") or {}).get(SERVER_INFO) or said.get("serverInfo") or {}
        return Greeting(LATEST_MODERN_VERSION, info, said.get("capabilities") or {}, said.get("instructions"))

    async def _at_last(self) -> Greeting:
        """The greeting of a server that was too slow to say at first that it knows 2026-07-28."""
        self.greeting = Greeting(LATEST_MODERN_VERSION, {}, {})
        greeting = await self._discover(patience=HELLO_S)
        if greeting is None:
            raise CannotAgree("it answers neither server/discover nor initialize")
        return greeting

    async def _initialize(self) -> Greeting | None:
        """None: the conversation is a 2026-07-28 one already. Raises CannotAgree."""
        self.greeting = Greeting(LATEST_HANDSHAKE_VERSION, {}, {})
        offer = {"protocolVersion": LATEST_HANDSHAKE_VERSION, "capabilities": {}, "clientInfo": _client_info()}
        try:
            message = {"jsonrpc": "2.0", "id": next(self._ids), "method": "initialize", "params": offer}
            said = _result(await self.link.request(message, _ignore, {}))
        except MCPError as exc:
            if exc.error.code == UNSUPPORTED_PROTOCOL_VERSION:
                return None
            raise CannotAgree(f"it refused to be initialized: {exc.error.message}") from exc
        revision = said.get("protocolVersion")
        if revision not in HANDSHAKE_PROTOCOL_VERSIONS:
            raise CannotAgree(f"it speaks revision {str(revision)[:40]!r} only")
        self.greeting = Greeting(
            str(revision), said.get("serverInfo") or {}, said.get("capabilities") or {}, said.get("instructions")
        )
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        await self.link.notify(ready, self._headers("notifications/initialized", {}))
        return self.greeting

    def _own_params(self) -> dict[str, Any]:
        if not self.greeting.modern:
            return {}
        meta = {
            PROTOCOL_VERSION_META_KEY: LATEST_MODERN_VERSION,
            CLIENT_CAPABILITIES_META_KEY: {},
            CLIENT_INFO_META_KEY: _client_info(),
        }
        return {"_meta": meta}

    # translating --------------------------------------------------------------------------------------------------

    def _in_its_words(self, params: dict[str, Any], meta: dict[str, Any], number: int) -> dict[str, Any]:
        if "progressToken" in meta:
            meta["progressToken"] = number  # tokens of different callers may be equal
        if not self.greeting.modern:
            meta = {key: value for key, value in meta.items() if key not in _ENVELOPE}
        rest = {key: value for key, value in params.items() if key != "_meta"}
        return {**rest, "_meta": meta} if meta else rest

    def _headers(self, method: str, params: Mapping[str, Any]) -> dict[str, str]:
        headers = {"MCP-Protocol-Version": self.greeting.revision}
        if not self.greeting.modern:
            return headers
        headers["Mcp-Method"] = method
        name = params.get(NAME_BEARING_METHODS.get(method, ""))
        if isinstance(name, str):
            headers["Mcp-Name"] = encode_header_value(name)
            if method == "tools/call" and name in self._mirrors:
                headers |= mcp_param_headers(self._mirrors[name], params.get("arguments") or {})
        return headers

    def _learn_mirrors(self, listed: Mapping[str, Any]) -> None:
        for tool in listed.get("tools") or ():
            if mirrors := x_mcp_header_map(tool.get("inputSchema") or {}):
                self._mirrors[tool["name"]] = mirrors


def _under(token: Any, listen: Listener) -> Listener:
    """`listen`, hearing of progress under its caller's own token."""

    async def heard(message: Message) -> None:
        if message.get("method") == "notifications/progress":
            message = {**message, "params": {**message["params"], "progressToken": token}}
        await listen(message)

    return heard


def _result(response: Message) -> dict[str, Any]:
    """The result in a response. Raises MCPError."""
    error = response.get("error")
    if isinstance(error, Mapping):
        code = error.get("code")
        code = INVALID_PARAMS if code == RESOURCE_NOT_FOUND else code if isinstance(code, int) else -32603
        raise MCPError(code, str(error.get("message", "")), error.get("data"))
    result = response.get("result")
    if not isinstance(result, dict):
        raise MCPError(-32603, "the server answered with neither a result nor an error")
    return result


@cache
def _client_info() -> dict[str, str]:
    return {"name": "omega-federation", "version": version("omega-federation")}


async def _ignore(_: Message) -> None:
    """For requests whose notifications nobody waits for."""
