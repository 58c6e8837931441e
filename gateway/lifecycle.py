"""A member's life over HTTP: announce, heartbeat, withdraw. Each is the same message that a member on the bus sends."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from bus import Federation, Instance, codec
from bus.access import Principal
from bus.compact import unverified
from bus.errors import Conflict, NotAllowed, UnknownMember
from bus.names import DEFAULT_INSTANCE, checked_instance, checked_member
from bus.trail import rfc3339
from bus.validation import validated
from gateway.access.enforcement import Enforcement
from gateway.border import value_answer
from gateway.inquiry import Inquiry
from gateway.operations import OF_A_MEMBER, READS, WRITES, Answer, operation
from gateway.shapes import (
    HeartbeatBody,
    HeartbeatTaken,
    InstanceQuery,
    Left,
    MemberPath,
    Registered,
    Registration,
    Signed,
)

TAG = "life cycle"
EXAMPLE = {
    "id": "my_service_fastmcp",
    "name": "My Service",
    "description": "What it does, in words a search should find",
    "version": "1.0.0",
    "capabilities": ["custom_capability"],
    "tags": ["custom"],
    "endpoints": {"mcp": "http://127.0.0.1:9600/mcp", "health": "http://127.0.0.1:9600/health"},
}


class Lifecycle:
    """The writing side of the directory, for members that speak HTTP only."""

    def __init__(self, federation: Federation, inquiry: Inquiry, enforcement: Enforcement) -> None:
        self._federation = federation
        self._inquiry = inquiry
        self._enforcement = enforcement

    @operation(
        "POST",
        "/mcp/register",
        tag=TAG,
        answers={200: Answer(Registered)},
        refusals=(*WRITES, Conflict, NotAllowed),
        body_model=Registration,
        example=EXAMPLE,
    )
    async def register(self, body: bytes, query: InstanceQuery, caller: Principal) -> web.Response:
        """Announce a member.

        Answered after the registry has stored it; 200 for a new member and a known one alike, `status` tells which.
        The member then sends a heartbeat every `heartbeat_interval_s` (30 unless its manifest says otherwise).
        """
        offered = codec.decode_object(body)
        who = Instance(claimed_id(offered), checked_instance(query.instance or DEFAULT_INSTANCE))
        self._enforcement.register(caller, who.member)
        return value_answer(await self._federation.register_bytes(who, body, caller=caller.name or None))

    @operation(
        "POST",
        "/mcp/heartbeat",
        tag=TAG,
        answers={200: Answer(HeartbeatTaken)},
        refusals=(*READS, *OF_A_MEMBER, NotAllowed),
        example={"service_id": "my_service_fastmcp"},
    )
    async def heartbeat(self, body: HeartbeatBody, caller: Principal) -> web.Response:
        """Say that a member is still there.

        404 when no directory knows the member or that instance of it: register again.
        """
        instance = checked_instance(body.instance or DEFAULT_INSTANCE)
        self._enforcement.register(caller, body.service_id)
        find_instance(await self._inquiry.member(body.service_id), instance)
        await self._federation.heartbeat(body.service_id, instance, caller=caller.name or None)
        return value_answer({"status": "ok", "timestamp": rfc3339(time.time())})

    @operation(
        "DELETE",
        "/mcp/unregister/{id}",
        tag=TAG,
        answers={200: Answer(Left)},
        refusals=(*WRITES, *OF_A_MEMBER, NotAllowed),
    )
    async def unregister(self, path: MemberPath, query: InstanceQuery, caller: Principal) -> web.Response:
        """Withdraw a member, or one instance of it."""
        self._enforcement.register(caller, path.id)
        return value_answer(await self._federation.leave(path.id, query.instance, caller=caller.name or None))


def claimed_id(offered: dict[str, Any]) -> str:
    """The id a registration names. Only its address on the bus: the directory holds the manifest to it.

    Raises InvalidRequest (no id, or one that is none), Malformed (not a token).
    """
    manifest = unverified(validated(Signed, offered).signed) if "signed" in offered else offered
    named = manifest.get("id", manifest.get("service_id", ""))
    return checked_member(named if isinstance(named, str) else "")


def find_instance(manifest: dict[str, Any], instance: str) -> None:
    if not any(known["id"] == instance for known in manifest["instances"]):
        raise UnknownMember(f"{manifest['id']}: no instance {instance!r} is registered")
