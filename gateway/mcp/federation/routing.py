"""A request that is one member's to answer: found by its name, named as the member does, forwarded, brought back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from bus import Federation
from bus.errors import NoInstance, UnknownMember
from bus.names import member_uri
from gateway.access.enforcement import Enforcement
from gateway.mcp.federation.splicing import replaced
from gateway.mcp.member import MemberUpstream
from gateway.mcp.upstream import Notify, UpstreamAnswer, UpstreamRequest
from gateway.metrics import Metrics

_WEB = ("http://", "https://")


class Routing:
    """Forwards to members."""

    def __init__(self, federation: Federation, metrics: Metrics, enforcement: Enforcement) -> None:
        self._federation = federation
        self._metrics = metrics
        self._enforcement = enforcement

    async def forward(self, member: str, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        """The member's own response to `request`, which speaks its names.

        Raises InsufficientScope, or what kept it from answering; a member that is gone is NoInstance, which a client
        may try again.
        """
        try:
            upstream = MemberUpstream(self._federation, self._metrics, self._enforcement, member)
            return await upstream.answer(request, notify)
        except (UnknownMember, NoInstance) as exc:
            raise NoInstance(f"{member}: nobody serves it now", details={"member": member}) from exc


def renamed(request: UpstreamRequest, path: Sequence[str], value: str) -> UpstreamRequest:
    """`request` with another value at `path`; every other byte of its body stays."""
    body = replaced(request.body, request.message, path, value)
    return request._replace(body=body, message=_changed(request.message, path, value))


def relinked(answer: UpstreamAnswer, member: str) -> UpstreamAnswer:
    """The response to a tool call or a prompt with the links in it leading through the federation.

    Addresses of the web are left alone: those a client fetches itself. So is a response without links, to the byte.
    """
    if answer.error_code is not None or b'"resource_link"' not in answer.body:
        return answer
    return _rewritten(answer, lambda result: _relink_all(result, member))


def contents_renamed(answer: UpstreamAnswer, member: str) -> UpstreamAnswer:
    """The response to `resources/read` with the federation's URIs on what was read."""
    if answer.error_code is not None:
        return answer
    return _rewritten(answer, lambda result: _rename_contents(result, member))


def _rewritten(answer: UpstreamAnswer, change: Callable[[Any], None]) -> UpstreamAnswer:
    told = orjson.loads(answer.body)
    change(told.get("result"))
    return UpstreamAnswer(orjson.dumps(told))


def _relink_all(result: Any, member: str) -> None:
    for block in _objects(result, "content"):
        _relink(block, member)
    for message in _objects(result, "messages"):
        _relink(message.get("content"), member)


def _relink(block: Any, member: str) -> None:
    if isinstance(block, dict) and block.get("type") == "resource_link":
        _rename(block, member)


def _rename_contents(result: Any, member: str) -> None:
    for content in _objects(result, "contents"):
        _rename(content, member)


def _rename(holder: dict[str, Any], member: str) -> None:
    uri = holder.get("uri")
    if isinstance(uri, str) and not uri.startswith(_WEB):
        holder["uri"] = member_uri(member, uri)


def _objects(result: Any, field: str) -> list[dict[str, Any]]:
    values = result.get(field) if isinstance(result, dict) else None
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _changed(message: Mapping[str, Any], path: Sequence[str], value: str) -> dict[str, Any]:
    key, *rest = path
    return {**message, key: _changed(message[key], rest, value) if rest else value}
