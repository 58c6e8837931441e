"""Answers that are remembered: bounded, and only for what they were the answer to."""

from __future__ import annotations

from pathlib import Path

import pytest

from members.code_analyzer.cache import Cache, InMemory, OnDisk, cache_for, key_of


@pytest.fixture(params=["memory", "disk"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Cache:
    """Room for two answers of a hundred bytes, and not for three."""
    return cache_for(tmp_path / "cache" if request.param == "disk" else None, 270)


ANSWER = {"text": "x" * 80}


async def test_what_was_put_is_got(cache: Cache) -> None:
    await cache.put("a", ANSWER)
    assert await cache.get("a") == ANSWER
    assert await cache.get("b") is None


async def test_beyond_the_bound_the_oldest_goes(cache: Cache) -> None:
    for key in ("a", "b", "c", "d"):
        await cache.put(key, ANSWER)
    assert [await cache.get(key) is not None for key in ("a", "d")] == [False, True]


async def test_an_answer_larger_than_the_cache_is_not_kept(cache: Cache) -> None:
    await cache.put("a", {"text": "x" * 500})
    assert await cache.get("a") is None


async def test_in_memory_what_was_asked_for_stays() -> None:
    cache = InMemory(270)
    for key in ("a", "b"):
        await cache.put(key, ANSWER)
    await cache.get("a")
    await cache.put("c", ANSWER)
    assert await cache.get("a") == ANSWER
    assert await cache.get("b") is None


async def test_a_folder_is_shared_by_processes_and_outlives_them(tmp_path: Path) -> None:
    await OnDisk(tmp_path, 1000).put("a", ANSWER)
    assert await OnDisk(tmp_path, 1000).get("a") == ANSWER


async def test_a_damaged_file_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    assert await OnDisk(tmp_path, 1000).get("a") is None


def test_whatever_the_answer_depends_on_is_in_its_key() -> None:
    base = key_of("tool", "https://a/b", "c" * 40, {"x": 1})
    others = [
        key_of("other", "https://a/b", "c" * 40, {"x": 1}),
        key_of("tool", "https://a/c", "c" * 40, {"x": 1}),
        key_of("tool", "https://a/b", "d" * 40, {"x": 1}),
        key_of("tool", "https://a/b", "c" * 40, {"x": 2}),
    ]
    assert len({base, *others}) == 5
    assert base == key_of("tool", "https://a/b", "c" * 40, {"x": 1})
