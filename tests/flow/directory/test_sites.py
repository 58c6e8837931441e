"""Two sites and a hub: one federation while they are linked, three that work while they are not."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bus import Bus
from bus.errors import DirectoryAway, FederationError, NoInstance
from members import Member
from tests.support.federation import manifest, running_member
from tests.support.nats import until
from tests.support.sites import HUB, Place, hub_and_sites

pytestmark = pytest.mark.timeout(90)

SEEN_WITHIN_S = 5.0
"""At most a look (0.2 s here, 1 s by default) and a read later; the rest is for a busy machine."""
HEALED_WITHIN_S = 10.0
"""The leaf node dials every second; then as above."""


@pytest.fixture
async def places(tmp_path: Path) -> AsyncIterator[dict[str, Place]]:
    async with hub_and_sites(tmp_path, "east", "west") as places:
        yield places


def teller(place: str, id: str = "teller") -> Member:
    """A member that says where it runs."""
    member = Member(id, name="Teller", description="Tells", tags=["teller"], heartbeat_interval_s=0.5, instance=place)

    @member.tool
    async def where() -> dict[str, str]:
        """Where it runs."""
        return {"place": place}

    return member


async def found(place: Place, **query: Any) -> dict[str, Any]:
    """What a search there says, by id."""
    try:
        return {server["id"]: server for server in await place.federation.search(**query)}
    except FederationError:
        return {}


async def sees(place: Place, *ids: str, status: str = "active") -> bool:
    return {*ids} == (await found(place, status=status)).keys()


async def told(place: Place, member: str) -> str | None:
    try:
        said = await place.federation.call(member, "where")
    except FederationError:
        return None
    return str(said["place"])


async def test_search_at_the_hub_sees_every_site_and_a_site_sees_itself(places: dict[str, Place]) -> None:
    await places["east"].federation.register(manifest("of_east", tags=["shared"]))
    await places["west"].federation.register(manifest("of_west", tags=["shared"]))
    await until(lambda: sees(places[HUB], "of_east", "of_west"), within=SEEN_WITHIN_S)
    shown = await found(places[HUB], tag="shared")
    assert {id: server["site"] for id, server in shown.items()} == {"of_east": "east", "of_west": "west"}
    assert await sees(places["east"], "of_east")
    assert await sees(places["west"], "of_west")
    await places["east"].federation.leave("of_east")
    await until(lambda: sees(places[HUB], "of_west"), within=SEEN_WITHIN_S)


async def test_a_call_stays_in_its_site_and_goes_across_when_it_has_nobody(places: dict[str, Place]) -> None:
    east, west = places["east"], places["west"]
    async with running_member(teller("west"), west.settings):
        async with running_member(teller("east"), east.settings):
            await until(lambda: _answers(west, "west"), within=SEEN_WITHIN_S)
            assert {await told(east, "teller") for _ in range(50)} == {"east"}
            assert {await told(west, "teller") for _ in range(50)} == {"west"}
        await until(lambda: _answers(east, "west"), within=SEEN_WITHIN_S)
        assert {await told(east, "teller") for _ in range(20)} == {"west"}
        assert await told(places[HUB], "teller") == "west"
        await until(lambda: _copies(places[HUB], "teller", ["west"]), within=SEEN_WITHIN_S)


async def _copies(place: Place, id: str, expected: list[str]) -> bool:
    shown = (await found(place)).get(id, {"instances": []})
    return [one["id"] for one in shown["instances"]] == expected


async def _answers(place: Place, expected: str) -> bool:
    return await told(place, "teller") == expected


async def test_a_cut_link_leaves_each_site_working_and_heals(places: dict[str, Place]) -> None:
    east, west, hub = places["east"], places["west"], places[HUB]
    async with (
        running_member(teller("east", "of_east"), east.settings),
        running_member(teller("west", "of_west"), west.settings),
    ):
        await until(lambda: sees(hub, "of_east", "of_west"), within=SEEN_WITHIN_S)
        await east.cut()
        await until(lambda: sees(hub, "of_east", status="stale"), within=SEEN_WITHIN_S)
        assert await sees(hub, "of_west")
        with pytest.raises(NoInstance):
            await hub.federation.call("of_east", "where")
        assert await told(hub, "of_west") == "west"
        assert await told(east, "of_east") == "east"
        await east.federation.register(manifest("while_cut"))
        assert await sees(east, "of_east", "while_cut")
        await east.mend()
        await until(lambda: sees(hub, "of_east", "of_west", "while_cut"), within=HEALED_WITHIN_S)
        await until(lambda: _across(west, "of_east", "east"), within=HEALED_WITHIN_S)


async def _across(place: Place, member: str, expected: str) -> bool:
    return await told(place, member) == expected


async def test_nothing_of_a_site_but_calls_crosses(places: dict[str, Place]) -> None:
    east, hub = places["east"], places[HUB]
    heard: list[str] = []
    for tree in ("register", "heartbeat", "resync", "leave", "change", "event"):
        hub.federation.bus.listen(f"omega.{tree}.>", lambda message: heard.append(message.subject))
    await hub.federation.bus.flush()
    async with running_member(teller("east"), east.settings):
        await until(lambda: _across(hub, "teller", "east"), within=SEEN_WITHIN_S)
        await east.federation.heartbeat("teller", "east")
    assert heard == []


async def test_the_directory_command_is_a_window_where_sites_are_named(places: dict[str, Place]) -> None:
    hub = places[HUB]
    environment = {
        **os.environ,
        "OMEGA_NATS_URL": hub.settings.nats_url,
        "OMEGA_DIRECTORY_SITES": '["east","west"]',
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "omega", "directory", env=environment)
    try:
        seen: set[str] = set()
        await until(lambda: _asked_of(hub, seen, 2), within=30)
    finally:
        process.terminate()
        async with asyncio.timeout(20):
            assert await process.wait() == 0


async def _asked_of(place: Place, seen: set[str], wanted: int) -> bool:
    """Whether so many replicas have answered by now."""
    said = await place.federation.ask("stats")
    assert said["sites"].keys() == {"east", "west"}
    seen.add(said["replica"])
    return len(seen) >= wanted


async def test_nobody_registers_at_the_hub(places: dict[str, Place]) -> None:
    with pytest.raises(DirectoryAway):
        await places[HUB].federation.register(manifest("homeless"))


async def test_a_site_that_lost_its_registry_is_shown_as_its_directory_remembers_it(places: dict[str, Place]) -> None:
    east, hub = places["east"], places[HUB]
    await east.federation.register(manifest("before"))
    await until(lambda: sees(hub, "before"), within=SEEN_WITHIN_S)
    bus: Bus = east.federation.bus
    await bus.request(f"$JS.API.STREAM.DELETE.KV_{bus.settings.bucket}", b"")
    await until(lambda: _registered(east, "after"), within=HEALED_WITHIN_S)
    await until(lambda: sees(hub, "before", "after"), within=HEALED_WITHIN_S)


async def _registered(place: Place, id: str) -> bool:
    try:
        await place.federation.register(manifest(id))
    except FederationError:
        return False
    return True
