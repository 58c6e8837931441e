"""How changes reach the text index: off the event loop, together, and in time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from bus.messages import Status
from bus.subjects import Instance
from directory.registry import Registry
from directory.text import MAX_BATCH, PAUSE_S, TextIndex
from tests.unit.directory.catalogue import best, text_index
from tests.unit.directory.samples import record

SOON_S = 0.2


class Broken(dict[str, Any]):
    """A manifest that fails when it is read."""

    def get(self, key: str, default: object = None) -> Any:
        raise RuntimeError(f"{key} is not here")


async def turns_until(holds: Callable[[], bool]) -> int:
    """How often the event loop went round until `holds`."""
    turns = 0
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0)
            turns += 1
    return turns


async def test_a_change_is_found_within_200_ms() -> None:
    members = {f"m{number}": {"name": f"m{number}", "description": "plain words"} for number in range(1000)}
    async with text_index(members, pause_s=PAUSE_S) as text:
        taken = []
        for number in range(10):
            started = time.perf_counter()
            text.put("m7", {"name": "m7", "description": f"zebra{number}"})
            await asyncio.wait_for(text.settled(), 5)
            taken.append(time.perf_counter() - started)
            assert best(text, f"zebra{number}") == ["m7"]
    assert sorted(taken)[len(taken) // 2] < SOON_S, taken


async def test_a_change_is_found_soon_even_behind_a_bulk_load() -> None:
    async with text_index({}, pause_s=PAUSE_S) as text:
        text.put("urgent", {"name": "horse"})
        for number in range(6 * MAX_BATCH):
            text.put(f"m{number}", {"name": f"m{number}", "description": "one of very many"})
        await turns_until(lambda: text.generation > 0)
        text.put("urgent", {"name": "zebra"})
        await turns_until(lambda: best(text, "zebra") == ["urgent"])
        assert text.pending > 0


async def test_changes_close_together_share_a_commit() -> None:
    async with text_index(pause_s=PAUSE_S) as text:
        before = text.generation
        for number in range(50):
            text.put(f"m{number}", {"name": f"m{number}"})
            await asyncio.sleep(0)
        await text.settled()
        assert text.generation == before + 1


async def test_the_last_of_several_changes_counts() -> None:
    async with text_index({}) as text:
        text.put("a", {"name": "a", "description": "first"})
        text.put("a", {"name": "a", "description": "second"})
        await text.settled()
        assert (best(text, "second"), best(text, "first")) == (["a"], [])


async def test_a_member_that_is_removed_is_found_no_more_at_once() -> None:
    async with text_index() as text:
        text.remove("image_service_fastmcp")
        assert "image_service_fastmcp" not in best(text, "image")
        await text.settled()
        assert "image_service_fastmcp" not in best(text, "image")
        text.remove("nobody")


async def test_a_member_that_comes_again_is_found_by_its_new_words_only() -> None:
    async with text_index() as text:
        text.remove("cafe_zuerich")
        text.put("cafe_zuerich", {"name": "Restaurant"})
        await text.settled()
        assert (best(text, "restaurant"), best(text, "menus")) == (["cafe_zuerich"], [])


async def test_what_was_queued_before_the_start_is_found_after_it() -> None:
    text = TextIndex()
    text.put("a", {"name": "early"})
    assert (text.pending, text.running) == (1, False)
    text.start()
    assert text.running
    await asyncio.wait_for(text.settled(), 5)
    assert best(text, "early") == ["a"]
    await text.stop()
    assert not text.running


async def test_stopping_commits_what_is_queued_and_leaves_no_thread() -> None:
    before = threading.active_count()
    text = TextIndex()
    text.start()
    text.put("a", {"name": "late"})
    await text.stop()
    assert best(text, "late") == ["a"]
    await asyncio.get_running_loop().shutdown_default_executor()
    assert threading.active_count() <= before


async def test_stopping_one_that_never_started_is_well() -> None:
    await TextIndex().stop()


async def test_a_failure_ends_the_commits_and_is_told_when_stopping() -> None:
    text = TextIndex(pause_s=0)
    text.start()
    text.put("a", Broken())
    await turns_until(lambda: not text.running)
    with pytest.raises(RuntimeError, match="is not here"):
        await text.stop()


async def test_letters_that_are_no_text_do_no_harm() -> None:
    async with text_index({"a": {"name": "bad \ud800 name", "tags": ["\ud800"]}}) as text:
        assert best(text, "bad \ud800") == ["a"]


async def test_the_loop_goes_on_while_thousands_are_committed() -> None:
    async with text_index({}, pause_s=0) as text:
        for number in range(3_000):
            text.put(f"member_{number}", {"name": f"Member {number}", "description": "validates and converts " * 4})
        assert await turns_until(lambda: not text.pending) > 100


async def test_the_registry_is_followed() -> None:
    registry = Registry()
    async with text_index({}) as text:

        def apply(revision: int, **said: Any) -> None:
            text.follow(registry.apply(record("a", **said), revision))

        apply(1, description="first")
        await text.settled()
        assert best(text, "first") == ["a"]
        apply(2, description="second")
        apply(3, description="second", status=Status.STALE)
        await text.settled()
        assert (best(text, "second"), best(text, "first")) == (["a"], [])
        text.follow(registry.forget(Instance("a")))
        assert best(text, "second") == []


async def test_a_change_nobody_reads_costs_no_commit() -> None:
    registry = Registry()
    async with text_index({}) as text:
        text.follow(registry.apply(record("a"), 1))
        await text.settled()
        text.follow(registry.apply(record("a", status=Status.STALE), 2))
        text.follow(registry.apply(record("a", "second"), 3))
        assert text.pending == 0


async def test_ten_thousand_members_are_found_within_seconds() -> None:
    members = {
        f"m{number}": {"name": f"Member {number}", "description": f"does task{number % 97}"} for number in range(10_000)
    }
    started = time.perf_counter()
    async with text_index(members) as text:
        assert len(best(text, "task13")) == len(range(13, 10_000, 97))
    assert time.perf_counter() - started < 20
