"""The end of a run: every node killed at once and started again, then what the storage holds and each replica shows."""

from __future__ import annotations

import asyncio

import orjson

from bus import Federation
from bus.errors import FederationError
from bus.kv import Bucket
from tests.chaos.journal import Ended, Entry, Replica
from tests.chaos.process import Process
from tests.chaos.stage import Stage, until

SETTLES_WITHIN_S = 90.0
ANSWERS_WITHIN_S = 30.0
PAGE = 500
AGREE_AFTER_S = 3.0
"""A replica compares its place with the storage every two seconds."""


async def blackout(stage: Stage) -> None:
    """All three nodes at once, kill -9. Raises TimeoutError when they do not come back."""
    for node in stage.cluster.nodes:
        node.kill()
    for node in stage.cluster.nodes:
        node.start()
    await asyncio.to_thread(stage.cluster.wait_ready)
    await all_well(stage)


async def all_well(stage: Stage) -> None:
    """Raises TimeoutError."""
    if await stage.well_within(SETTLES_WITHIN_S) is None:
        raise TimeoutError(f"not all was well within {SETTLES_WITHIN_S:g} s")


async def members_back(stage: Stage) -> None:
    """Wait for the members to be active; one that is not is the checker's business."""

    async def active() -> bool:
        return all([await stage.status(key) == "active" for key in stage.members])

    await until(active, SETTLES_WITHIN_S)


async def read_end(stage: Stage) -> Ended:
    """What is left. Raises TimeoutError, or StorageAway."""
    await asyncio.sleep(AGREE_AFTER_S)
    first, second = stage.directories
    replicas = [await _alone(stage, first, second), await _alone(stage, second, first)]
    return Ended(entries=await _entries(stage), replicas=tuple(replicas), members=tuple(stage.members))


async def _entries(stage: Stage) -> tuple[Entry, ...]:
    bucket = Bucket(stage.eye, stage.eye.settings.bucket)
    state = await bucket.state()
    entries, _ = await bucket.read_from(1, state.last)
    newest = {entry.key: orjson.loads(entry.value) for entry in entries if entry.value is not None}
    return tuple(
        Entry(
            key=key,
            status=record["status"],
            epoch=record["epoch"],
            version=record["manifest"].get("version", ""),
            description=record["manifest"].get("description", ""),
        )
        for key, record in sorted(newest.items())
    )


async def _alone(stage: Stage, asked: Process, other: Process) -> Replica:
    """What one replica shows: while the other is frozen, only it can answer."""
    other.pause()
    try:
        return Replica(name=asked.name, shown=await _everything(Federation(stage.eye)))
    finally:
        other.resume()


async def _everything(federation: Federation) -> tuple[tuple[str, str], ...]:
    shown: list[tuple[str, str]] = []
    page = 1
    while True:
        found = await _page(federation, page)
        shown += [(one["id"], one.get("version", "")) for one in found]
        if len(found) < PAGE:
            return tuple(sorted(shown))
        page += 1


async def _page(federation: Federation, page: int) -> list[dict[str, str]]:
    """Asked again where the frozen one was asked."""
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        while True:
            try:
                answer = await federation.ask("servers", {"status": "any", "page": page, "limit": PAGE})
            except FederationError:
                await asyncio.sleep(0.05)
            else:
                found: list[dict[str, str]] = answer["servers"]
                return found
