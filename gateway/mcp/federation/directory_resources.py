"""The directory as MCP resources: `omega://directory/servers`, `…/servers/{id}` and `…/search{?tag,capability,q}`.

Each is the same question, with the same parameters, as its path over HTTP, and has the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from bus.errors import InvalidRequest, NotFound
from bus.messages import ServersQuery
from bus.names import checked_member
from bus.validation import validated
from gateway.access.visible import Visible
from gateway.endpoints import Addresses
from gateway.inquiry import Inquiry
from gateway.mcp.federation.catalogue import Change
from gateway.mcp.federation.scope import Scope

ROOT = "omega://directory/"
SERVERS = f"{ROOT}servers"
SEARCH = f"{ROOT}search"
JSON = "application/json"
_LISTS = frozenset(("tag", "without_tag", "capability"))
_MAX_URI = 4_096

RESOURCES: tuple[dict[str, Any], ...] = (
    {
        "uri": SERVERS,
        "name": "servers",
        "title": "Servers of the federation",
        "description": "The active members, one page: who they are, their tags, capabilities, tools and state",
        "mimeType": JSON,
    },
)
TEMPLATES: tuple[dict[str, Any], ...] = (
    {
        "uriTemplate": f"{SERVERS}/{{id}}",
        "name": "server",
        "title": "One server",
        "description": "A member's manifest, with its instances and its state",
        "mimeType": JSON,
    },
    {
        "uriTemplate": f"{SEARCH}{{?tag,capability,q}}",
        "name": "search",
        "title": "Servers by tag, capability and words",
        "description": "Tags and capabilities match exactly and must all hold; q is ranked and forgives typing errors",
        "mimeType": JSON,
    },
)


@dataclass(frozen=True, slots=True)
class OneServer:
    """`omega://directory/servers/{id}`."""

    id: str

    def follows(self, change: Change) -> bool:
        """Whether `change` may be another answer."""
        return change.member == self.id


@dataclass(frozen=True, slots=True)
class Servers:
    """`omega://directory/servers` and `omega://directory/search`, with their parameters."""

    verb: str
    query: ServersQuery

    def follows(self, change: Change) -> bool:
        """Whether `change` may be another answer: the member has, or had, what is asked for."""
        wanted = Scope(frozenset(self.query.tag), frozenset(self.query.capability))
        return any(offer is not None and wanted.holds(offer) for offer in (change.before, change.after))


Asked = OneServer | Servers


def read_uri(uri: str) -> Asked:
    """What a URI below `omega://directory/` asks for. Raises NotFound, or InvalidRequest for its parameters."""
    path, _, query = uri.partition("?")
    if path.startswith(f"{SERVERS}/") and not query:
        return OneServer(checked_member(unquote_plus(path.removeprefix(f"{SERVERS}/"))))
    if path not in (SERVERS, SEARCH) or len(uri) > _MAX_URI:
        raise NotFound(f"no resource {uri[:200]!r}", details={"uri": uri[:200]})
    return Servers(path.removeprefix(ROOT), validated(ServersQuery, _parameters(query)))


def _parameters(query: str) -> dict[str, Any]:
    """The parameters of a query string. A list is repeated, or separated by commas as URI templates expand it."""
    found: dict[str, Any] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name in _LISTS:
            found.setdefault(name, []).extend(unquote_plus(part) for part in value.split(",") if part)
        elif name in found:
            raise InvalidRequest(f"{name[:64]}: given twice", details={"field": name[:64]})
        else:
            found[name] = unquote_plus(value)
    return found


class DirectoryResources:
    """Reads them."""

    def __init__(self, inquiry: Inquiry, addresses: Addresses) -> None:
        self._visible = Visible(inquiry)
        self._addresses = addresses

    async def read(self, uri: str, scope: Scope) -> dict[str, Any]:
        """The result of `resources/read`. Raises NotFound, UnknownMember, InvalidRequest, DirectoryAway."""
        asked = read_uri(uri)
        text = await (self._one(asked, scope) if isinstance(asked, OneServer) else self._several(asked, scope))
        return {"contents": [{"uri": uri, "mimeType": JSON, "text": text}]}

    async def _one(self, asked: OneServer, scope: Scope) -> str:
        if scope.servers and asked.id not in scope.servers:
            raise NotFound(f"no server {asked.id!r} in this part of the federation", details={"id": asked.id})
        return self._addresses.fill_member(await self._visible.member(asked.id, scope.allowed)).decode()

    async def _several(self, asked: Servers, scope: Scope) -> str:
        query = asked.query.model_dump(mode="json", exclude_defaults=True)
        query["tag"] = [*asked.query.tag, *scope.tags]
        query["capability"] = [*asked.query.capability, *scope.capabilities]
        if scope.servers:
            query |= {"page": 1, "limit": len(scope.servers)}
            among = partial(_among, scope.servers)
            return self._filled(await self._visible.page(asked.verb, query, scope.allowed, among))
        return self._filled(await self._visible.page(asked.verb, query, scope.allowed))

    def _filled(self, reply: bytes) -> str:
        return self._addresses.fill_page(reply).decode()


def _among(servers: frozenset[str], manifest: Mapping[str, Any]) -> bool:
    """Whether it is one of a few servers, which the directory cannot be asked for by name."""
    return manifest["id"] in servers
