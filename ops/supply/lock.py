"""What uv.lock says: every package that an installation may get, and which of them only developers do."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = "omega-federation"
Key = tuple[str, str]
"""Name and version: a lock may hold a package twice, for different machines."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """One file of a package."""

    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of the lock."""

    name: str
    version: str
    files: tuple[Distribution, ...]
    needs: frozenset[Key]
    development: bool
    """Nobody gets it but who works on the project."""

    @property
    def key(self) -> Key:
        return self.name, self.version


@dataclass(frozen=True, slots=True)
class Lock:
    """The whole of it."""

    project: Locked
    packages: tuple[Locked, ...]
    """Without the project itself, by name."""


def read_lock(path: Path) -> Lock:
    """The lock in a file. Raises OSError, tomllib.TOMLDecodeError, KeyError."""
    found = tomllib.loads(path.read_text())["package"]
    versions: dict[str, list[str]] = {}
    for package in found:
        versions.setdefault(package["name"], []).append(package["version"])
    needs = {(one["name"], one["version"]): frozenset(_needs(one, versions)) for one in found}
    project = next(one for one in found if one["name"] == PROJECT)
    shipped = _reached((PROJECT, project["version"]), needs)
    packages = [_locked(one, needs, shipped) for one in found if one is not project]
    return Lock(_locked(project, needs, shipped), tuple(sorted(packages, key=lambda one: one.key)))


def _locked(package: Mapping[str, Any], needs: Mapping[Key, frozenset[Key]], shipped: set[Key]) -> Locked:
    key = (package["name"], package["version"])
    files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
    told = tuple(Distribution(one["url"], one["hash"].removeprefix("sha256:")) for one in files if "url" in one)
    return Locked(*key, told, needs[key], development=key not in shipped)


def _needs(package: Mapping[str, Any], versions: Mapping[str, list[str]]) -> Iterator[Key]:
    """Every extra counts as needed; the groups of developers do not."""
    lists = [package.get("dependencies", ()), *package.get("optional-dependencies", {}).values()]
    for needed in (one for each in lists for one in each):
        exact = [needed["version"]] if "version" in needed else versions.get(needed["name"], [])
        yield from ((needed["name"], version) for version in exact)


def _reached(start: Key, needs: Mapping[Key, frozenset[Key]]) -> set[Key]:
    reached, open_ = {start}, [start]
    while open_:
        for key in needs[open_.pop()] - reached:
            reached.add(key)
            open_.append(key)
    return reached
