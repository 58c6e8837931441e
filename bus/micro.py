"""ADR-32: answer `$SRV.PING`, `INFO` and `STATS`, so that `nats micro ls|info|stats` shows every process of ours.

Only the answering; endpoints are subscribed elsewhere. Liveness and discovery never use this.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bus import codec
from bus.connection import Bus, Subscription
from bus.message import Message
from bus.trail import rfc3339

_TYPE = "io.nats.micro.v1."


@dataclass(slots=True)
class Endpoint:
    """One endpoint's description and counters; whoever serves it counts."""

    name: str
    subject: str
    queue_group: str = ""
    requests: int = 0
    errors: int = 0
    busy_ns: int = 0
    last_error: str = ""

    def count(self, started: float, error: str = "") -> None:
        """Note one request that began at `started` (`time.perf_counter`)."""
        self.requests += 1
        self.busy_ns += int((time.perf_counter() - started) * 1e9)
        if error:
            self.errors += 1
            self.last_error = error

    def info(self) -> dict[str, Any]:
        return {"name": self.name, "subject": self.subject, "queue_group": self.queue_group, "metadata": {}}

    def stats(self) -> dict[str, Any]:
        average = self.busy_ns // self.requests if self.requests else 0
        return {
            "name": self.name,
            "subject": self.subject,
            "queue_group": self.queue_group,
            "num_requests": self.requests,
            "num_errors": self.errors,
            "last_error": self.last_error,
            "processing_time": self.busy_ns,
            "average_processing_time": average,
        }


@dataclass(slots=True)
class MicroService:
    """A service as ADR-32 names it: `name` and `id` of `[A-Za-z0-9_-]`, `version` semantic."""

    name: str
    id: str
    version: str
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    endpoints: list[Endpoint] = field(default_factory=list)
    started: float = field(default_factory=time.time)


class MicroResponder:
    """Answers for one service, nine plain subscriptions."""

    def __init__(self, bus: Bus, service: MicroService) -> None:
        self._bus = bus
        self._service = service
        self._subscriptions: list[Subscription] = []

    def start(self) -> None:
        answers = {"PING": self._ping, "INFO": self._info, "STATS": self._stats}
        for verb, answer in answers.items():
            for tail in ("", f".{self._service.name}", f".{self._service.name}.{self._service.id}"):
                handler = self._handler(answer)
                self._subscriptions.append(self._bus.listen(f"$SRV.{verb}{tail}", handler))

    async def stop(self) -> None:
        for subscription in self._subscriptions:
            await subscription.stop()
        self._subscriptions.clear()

    def _handler(self, answer: Any) -> Any:
        def respond(message: Message) -> None:
            self._bus.respond(message, codec.encode(answer()))

        return respond

    def _ping(self) -> dict[str, Any]:
        return self._identity("ping_response")

    def _info(self) -> dict[str, Any]:
        return {
            **self._identity("info_response"),
            "description": self._service.description,
            "endpoints": [endpoint.info() for endpoint in self._service.endpoints],
        }

    def _stats(self) -> dict[str, Any]:
        return {
            **self._identity("stats_response"),
            "started": rfc3339(self._service.started),
            "endpoints": [endpoint.stats() for endpoint in self._service.endpoints],
        }

    def _identity(self, kind: str) -> dict[str, Any]:
        service = self._service
        return {
            "type": _TYPE + kind,
            "name": service.name,
            "id": service.id,
            "version": service.version,
            "metadata": dict(service.metadata),
        }
