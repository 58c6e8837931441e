"""The official conformance suite as a command: installed once outside the tree, run against a URL, its summary read."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ENTRY = Path("node_modules/@modelcontextprotocol/conformance/dist/index.js")
NODE = Path("node_modules/.bin/node")
INSTALL_TIMEOUT_S = 240
RUN_TIMEOUT_S = 150

_LINE = re.compile(r"^([✓✗]) (\S+): (\d+) passed, (\d+) failed", re.MULTILINE)
_UNSCORED = re.compile(r"^  [✓✗] (\S+) \(([^)]+)\)", re.MULTILINE)


@dataclass(frozen=True)
class Scenario:
    """One scenario's outcome."""

    name: str
    passed: bool
    checks: int
    failed: int
    unscored: str = ""
    """Why it does not count (`extension`, `pending`, …); empty for one that is required."""


@dataclass(frozen=True)
class Outcome:
    """What one run of the suite said."""

    code: int
    scenarios: tuple[Scenario, ...]
    text: str

    @property
    def required(self) -> list[Scenario]:
        return [scenario for scenario in self.scenarios if not scenario.unscored]


def npm() -> str | None:
    return shutil.which("npm")


async def installed() -> Path:
    """The folder with the suite, made with `npm ci` from the lock where it is missing."""
    lock = (HERE / "package-lock.json").read_bytes()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "omega-federation"
    place = caches / f"conformance-{hashlib.sha256(lock).hexdigest()[:16]}"
    if (place / ENTRY).exists():
        return place
    caches.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=caches, prefix="installing-") as fresh:
        made = Path(fresh) / "suite"
        made.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, made)
        code, text = await _ran([npm() or "npm", "ci", "--no-audit", "--no-fund"], made, INSTALL_TIMEOUT_S)
        assert code == 0, text
        try:
            made.rename(place)
        except OSError:
            assert (place / ENTRY).exists()  # another run was quicker
    return place


async def run(place: Path, url: str, options: Sequence[str]) -> Outcome:
    """Run the server scenarios that `options` choose against `url`."""
    code, text = await _ran([str(place / NODE), str(place / ENTRY), "server", "--url", url, *options], place)
    return Outcome(code, read(text), text)


def read(text: str) -> tuple[Scenario, ...]:
    """The scenarios of a run, from its summary."""
    summary = text.partition("=== SUMMARY ===")[2]
    unscored = dict(_UNSCORED.findall(summary))
    return tuple(
        Scenario(name, mark == "✓", int(passed) + int(failed), int(failed), unscored.get(name, ""))
        for mark, name, passed, failed in _LINE.findall(summary)
    )


async def _ran(command: list[str], folder: Path, timeout: float = RUN_TIMEOUT_S) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(timeout):
            output, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, output.decode(errors="replace")
