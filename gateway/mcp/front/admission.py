"""What a POST must be before anything is done for it: pure checks, in the order the protocol gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

from aiohttp import hdrs
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PARAM_HEADER_PREFIX,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    InboundLadderRejection,
    classify_inbound_request,
    decode_header_value,
    find_duplicated_routing_header,
    unsupported_protocol_version_rejection,
)
from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY
from mcp_types.jsonrpc import HEADER_MISMATCH, INVALID_REQUEST
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from multidict import CIMultiDictProxy

from bus import headers
from bus.errors import InvalidRequest
from gateway.mcp.front.messages import Rejected, named
from gateway.shapes import TIMEOUT_MS

JSON = "application/json"
EVENTS = "text/event-stream"
_PARAM = MCP_PARAM_HEADER_PREFIX.lower()
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_M = ("M", "m")
_ENCODED = "=?"
_VISIBLE = re.compile(r"[\x20-\x7e]*")


class Era(StrEnum):
    """How a client speaks: with metadata on every request, or within a session that a handshake opened."""

    MODERN = "modern"
    LEGACY = "legacy"


def era_of_head(version: str | None) -> Era:
    """The era that the `MCP-Protocol-Version` header alone tells."""
    return Era.LEGACY if version is None or version in HANDSHAKE_PROTOCOL_VERSIONS else Era.MODERN


def era_of(version: str | None, body: Any) -> Era:
    """The era of a POST. A body that carries the modern envelope is modern whatever its headers leave out."""
    if era_of_head(version) is Era.MODERN:
        return Era.MODERN
    params = body.get("params") if isinstance(body, dict) else None
    meta = params.get("_meta") if isinstance(params, dict) else None
    return Era.MODERN if isinstance(meta, dict) and PROTOCOL_VERSION_META_KEY in meta else Era.LEGACY


def check_accept(accept: Iterable[str], *needed: str) -> None:
    """The media types an answer may have must all be accepted. Raises Rejected with 406."""
    if not _accepts(tuple(accept), needed):
        text = f"Not acceptable: the client must accept {' and '.join(needed)}"
        raise Rejected(INVALID_REQUEST, text, status=406)


@lru_cache(maxsize=256)
def _accepts(accept: tuple[str, ...], needed: tuple[str, ...]) -> bool:
    if not accept:
        return True
    ranges = [part.strip() for line in accept for part in line.split(",")]
    offered = {part.partition(";")[0].strip().lower() for part in ranges if not _refused(part)}
    return all(offered & {media, f"{media.partition('/')[0]}/*", "*/*"} for media in needed)


def _refused(part: str) -> bool:
    quality = [item.strip()[2:] for item in part.split(";")[1:] if item.strip().startswith("q=")]
    return bool(quality) and quality[0].strip("0.") == ""


def check_notification(version: str | None) -> None:
    """An id-less message at a version that is not served is told so. Raises Rejected."""
    _raise(unsupported_protocol_version_rejection(version or ""))


Lines = list[tuple[str, str]]


def check_request(message: Mapping[str, Any], lines: Lines) -> None:
    """Headers and body of a modern request agree, and its envelope is whole. Raises Rejected."""
    told = dict(lines)
    if len(told) < len(lines) or not nothing_to_refuse(message, told):
        climb(message, lines)


def climb(message: Mapping[str, Any], lines: Lines) -> None:
    """Find out whether a request is refused, and for which reason of several. Raises Rejected."""
    doubled = find_duplicated_routing_header(lines)
    if doubled is not None:
        raise Rejected(HEADER_MISMATCH, f"{doubled} header appears more than once")
    told_all = dict(lines)
    _raise(classify_inbound_request(message, headers=told_all))
    told = told_all.get(MCP_NAME_HEADER)
    name = named(message)
    if told is not None and name is not None and decode_header_value(told) != name:
        raise Rejected(HEADER_MISMATCH, f"{MCP_NAME_HEADER} header does not match what the request body names")


def nothing_to_refuse(message: Mapping[str, Any], told: Mapping[str, str]) -> bool:
    """Whether a request is what nearly all are, so that no rung of the ladder can refuse it.

    False is no verdict: the ladder then finds the reason, if there is one. `told` are headers that came once.
    """
    params = message.get("params")
    if not isinstance(params, dict):
        return False
    meta = params.get("_meta")
    if not isinstance(meta, dict) or CLIENT_CAPABILITIES_META_KEY not in meta:
        return False
    version, method = told.get(MCP_PROTOCOL_VERSION_HEADER), message["method"]
    if version not in MODERN_PROTOCOL_VERSIONS or meta.get(PROTOCOL_VERSION_META_KEY) != version:
        return False
    if told.get(MCP_METHOD_HEADER) != method:
        return False
    key, name = NAME_BEARING_METHODS.get(method), told.get(MCP_NAME_HEADER)
    if name is None or key is None:
        return name is None and key is None
    return bool(name == params.get(key)) and not name.startswith(_ENCODED)


def travelling(sent: CIMultiDictProxy[str], lines: Lines) -> dict[str, str]:
    """The headers that go on to whoever answers. Raises Rejected for one that cannot be carried as it is."""
    found = trace(sent)
    for lower, value in lines:
        if lower == MCP_PROTOCOL_VERSION_HEADER:
            found[headers.MCP_VERSION] = value
        elif lower.startswith(_PARAM):
            key = MCP_PARAM_HEADER_PREFIX + lower[len(_PARAM) :]
            if key in found:
                raise Rejected(HEADER_MISMATCH, f"{key} header appears more than once")
            if _VISIBLE.fullmatch(value) is None:
                raise Rejected(HEADER_MISMATCH, f"{key} header is not encoded: visible ASCII only")
            found[key] = value
    return found


def protocol_lines(sent: CIMultiDictProxy[str]) -> Lines:
    """The headers of the protocol, names in lower case; most of the others need not even be looked at."""
    return [(name.lower(), value) for name, value in sent.items() if name[:1] in _M]


def trace(sent: CIMultiDictProxy[str]) -> dict[str, str]:
    """The trace context, where it is well formed."""
    told = sent.get(headers.TRACEPARENT)
    return {headers.TRACEPARENT: told} if told is not None and _TRACEPARENT.fullmatch(told) else {}


def deadline(sent: CIMultiDictProxy[str], longest: float) -> float:
    """Seconds the client waits: what `X-Omega-Timeout-Ms` says, else `longest`. Raises InvalidRequest."""
    told = sent.get(TIMEOUT_MS)
    if told is None:
        return longest
    if not (told.isascii() and told.isdigit() and 0 < int(told[:12]) <= longest * 1000):
        raise InvalidRequest(f"{TIMEOUT_MS}: 1 to {int(longest * 1000)}", details={"limit": int(longest * 1000)})
    return int(told) / 1000


def accepted(sent: CIMultiDictProxy[str]) -> list[str]:
    return sent.getall(hdrs.ACCEPT, [])


def _raise(verdict: object) -> None:
    if isinstance(verdict, InboundLadderRejection):
        raise Rejected(verdict.code, verdict.message, verdict.data)
