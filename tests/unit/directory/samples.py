"""Members for tests, in a line each."""

from __future__ import annotations

from typing import Any

from bus.manifest import digest, read_manifest
from bus.messages import Status
from bus.subjects import Instance
from directory.record import Record

BORN = 1_800_000_000.0


def record(
    member: str,
    instance: str = "default",
    *,
    status: Status = Status.ACTIVE,
    epoch: int = 1,
    registered_at: float = BORN,
    signed: str | None = None,
    **said: Any,
) -> Record:
    """A record of a manifest that says `said` beside its id."""
    manifest = read_manifest({"name": member, **said}, member=member)
    return Record(
        who=Instance(member, instance),
        manifest=manifest,
        epoch=epoch,
        digest=digest(manifest),
        status=status,
        registered_at=registered_at,
        changed_at=registered_at,
        signed=signed,
    )


def odd_record(member: str, manifest: dict[str, Any]) -> Record:
    """A record somebody wrote into the bucket by hand: its manifest was never checked."""
    return Record(Instance(member), manifest, 1, "", Status.ACTIVE, BORN, BORN)


def tool(name: str, description: str = "") -> dict[str, Any]:
    return {"name": name, "description": description, "inputSchema": {"type": "object"}}
