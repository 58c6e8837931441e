"""One instance as the registry bucket holds it: slow facts only, readable with `nats kv get`.

Heartbeats are not in it; they live in each replica's memory (`directory.leases`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from bus.compact import MAX_SKEW_S, expires_at
from bus.errors import Malformed
from bus.manifest import DEFAULT_HEARTBEAT_S
from bus.messages import Status
from bus.subjects import Instance


@dataclass(frozen=True, slots=True)
class Record:
    """A registration. Two replicas that hold the same bytes hold the same record."""

    who: Instance
    manifest: Mapping[str, Any]
    epoch: int
    """Orders the lives of one instance id; milliseconds since 1970 unless the member chose otherwise."""
    digest: str
    status: Status
    registered_at: float
    """Unix seconds when this life began."""
    changed_at: float
    signed: str | None = None
    """The compact JWS it came as, when it came signed."""

    @property
    def live(self) -> bool:
        """Whether discovery may show it: active or stale; `left` and `expired` are tombstones."""
        return self.status in (Status.ACTIVE, Status.STALE)

    @property
    def heartbeat_interval_s(self) -> float:
        told = self.manifest.get("heartbeat_interval_s")
        return float(told) if isinstance(told, int | float) and told > 0 else DEFAULT_HEARTBEAT_S

    @property
    def usable_for_s(self) -> int:
        """For how long after `changed_at` somebody could use its signature again; 0 without one."""
        if self.signed is None:
            return 0
        return max(0, math.ceil(expires_at(self.signed) + MAX_SKEW_S - self.changed_at))

    def turned(self, status: Status, now: float) -> Record:
        """The same life in another status."""
        return replace(self, status=status, changed_at=now)

    def to_bytes(self) -> bytes:
        """JSON, in a fixed order of fields."""
        return orjson.dumps(
            {
                "id": self.who.member,
                "instance": self.who.instance,
                "status": self.status,
                "epoch": self.epoch,
                "digest": self.digest,
                "registered_at": self.registered_at,
                "changed_at": self.changed_at,
                "signed": self.signed,
                "manifest": self.manifest,
            }
        )

    @staticmethod
    def from_bytes(data: bytes) -> Record:
        """The record of `to_bytes`. Raises Malformed for anything else (a hand-written `nats kv put`)."""
        try:
            value = orjson.loads(data)
            return Record(
                who=Instance(str(value["id"]), str(value["instance"])),
                manifest=dict(value["manifest"]),
                epoch=int(value["epoch"]),
                digest=str(value["digest"]),
                status=Status(value["status"]),
                registered_at=float(value["registered_at"]),
                changed_at=float(value["changed_at"]),
                signed=value.get("signed"),
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as exc:
            raise Malformed(f"not a registry record: {exc}") from exc
