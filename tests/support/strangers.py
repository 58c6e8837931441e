"""MCP servers and clients that are not ours, as their authors publish them, installed once outside the tree."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parent.parent / "npm"
INSTALL_TIMEOUT_S = 300


def on_ci() -> bool:
    return bool(os.environ.get("CI"))


def npm_folder() -> Path:
    """Where the packages of tests/npm are installed; installs them the first time."""
    lock = PACKAGES / "package-lock.json"
    folder = _cache() / f"npm-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if folder.exists():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        if on_ci():
            pytest.fail("npm is not installed")
        pytest.skip("npm is not installed")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PACKAGES / name, scratch)
        install = [npm, "ci", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=scratch, check=True, capture_output=True, timeout=INSTALL_TIMEOUT_S)
        made = Path(scratch) / "done"
        made.mkdir()
        for item in list(Path(scratch).iterdir()):
            if item != made:
                item.rename(made / item.name)
        try:
            made.rename(folder)
        except OSError:  # another test process was quicker
            assert folder.exists()
    return folder


def node() -> str:
    """A Node that is new enough, whatever the machine has."""
    return str(npm_folder() / "node_modules" / "node" / "bin" / "node")


def node_server(name: str, *arguments: str) -> tuple[str, ...]:
    """The command of a server of the reference collection that is written in TypeScript."""
    script = npm_folder() / "node_modules" / "@modelcontextprotocol" / f"server-{name}" / "dist" / "index.js"
    return (node(), str(script), *arguments)


def python_server(module: str, *arguments: str) -> tuple[str, ...]:
    """The command of a server of the reference collection that is written in Python."""
    if find_spec(module) is None:
        if on_ci():
            pytest.fail(f"{module} is not installed")
        pytest.skip(f"{module} is not installed")
    return (sys.executable, "-m", module, *arguments)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "omega-federation-tests"
