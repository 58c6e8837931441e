"""Is it there, is it ready, how is it: for people, load balancers and Prometheus."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import hdrs, web

from bus.access import Principal
from bus.errors import UnknownMember
from bus.messages import Status
from bus.trail import rfc3339
from gateway.access.visible import Visible
from gateway.border import value_answer
from gateway.inquiry import Inquiry
from gateway.metrics import Metrics
from gateway.operations import OF_A_MEMBER, READS, Answer, operation
from gateway.shapes import Alive, GatewayHealth, Health, MemberPath, Ready

TAG = "health"
ID = "federation_core"
NAME = "OMEGA Federation"


class Probes:
    """The gateway's own state."""

    def __init__(self, inquiry: Inquiry, metrics: Metrics, *, version: str) -> None:
        self._inquiry = inquiry
        self._metrics = metrics
        self._version = version
        self._started = time.monotonic()

    @operation(
        "GET",
        "/health",
        tag=TAG,
        quiet=True,
        answers={200: Answer(GatewayHealth), 503: Answer(GatewayHealth, description="The bus is away")},
    )
    async def health(self) -> web.Response:
        """How the federation's front is."""
        connected = self._inquiry.federation.bus.connected
        described = {
            "status": "healthy" if connected else "unhealthy",
            "id": ID,
            "service": ID,
            "type": "service",
            "name": NAME,
            "version": self._version,
            "timestamp": rfc3339(time.time()),
            "uptime": round(time.monotonic() - self._started, 3),
            "bus": "connected" if connected else "away",
        }
        return value_answer(described, 200 if connected else 503)

    @operation("GET", "/health/live", tag=TAG, quiet=True, any_host=True, answers={200: Answer(Alive)})
    async def live(self) -> web.Response:
        """Whether the process answers: always yes."""
        return value_answer({"status": "alive"})

    @operation(
        "GET",
        "/health/ready",
        tag=TAG,
        quiet=True,
        any_host=True,
        answers={200: Answer(Ready)},
        refusals=READS,
    )
    async def ready(self) -> web.Response:
        """Whether requests can be served: the bus is connected and a directory answers."""
        await self._inquiry.ask("stats")
        return value_answer({"status": "ready"})

    @operation(
        "GET", "/metrics", tag=TAG, quiet=True, answers={200: Answer(media="text/plain", description="Prometheus text")}
    )
    async def metrics(self) -> web.Response:
        """What the gateway counts, for Prometheus."""
        text, content_type = self._metrics.exposition()
        return web.Response(body=text, headers={hdrs.CONTENT_TYPE: content_type})


class MemberProbe:
    """Any member's health, as the directory sees it."""

    def __init__(self, inquiry: Inquiry) -> None:
        self._visible = Visible(inquiry)

    @operation(
        "GET",
        "/servers/{id}/health",
        tag=TAG,
        answers={200: Answer(Health), 503: Answer(Health, description="No instance of it is active")},
        refusals=(*READS, *OF_A_MEMBER),
    )
    async def server_health(self, path: MemberPath, caller: Principal) -> web.Response:
        """How a member is: healthy while one of its instances is active."""
        manifest = orjson.loads(await self._visible.member(path.id, caller.scopes))
        return health_answer(health_of(manifest, time.time()))


class DoorProbe:
    """The health of a door's member."""

    def __init__(self, inquiry: Inquiry, member: str) -> None:
        self._inquiry = inquiry
        self._member = member

    @operation(
        "GET",
        "/health",
        tag=TAG,
        quiet=True,
        answers={200: Answer(Health), 503: Answer(Health, description="No instance of it is active")},
        refusals=READS,
    )
    async def health(self) -> web.Response:
        """How this member is: healthy while one of its instances is active."""
        try:
            manifest = await self._inquiry.member(self._member)
        except UnknownMember:
            manifest = {"id": self._member}
        return health_answer(health_of(manifest, time.time()))


def health_of(manifest: Mapping[str, Any], now: float) -> dict[str, Any]:
    """A member's state as a health object; a manifest of nothing but an id is that of a member nobody announced."""
    return {
        "status": "healthy" if manifest.get("status") == Status.ACTIVE else "unhealthy",
        "id": manifest["id"],
        "service": manifest["id"],
        "type": "tool",
        "name": manifest.get("name", manifest["id"]),
        "version": manifest.get("version", ""),
        "timestamp": rfc3339(now),
    }


def health_answer(health: dict[str, Any]) -> web.Response:
    """200 for a healthy one, 503 for any other."""
    return value_answer(health, 200 if health["status"] == "healthy" else 503)
