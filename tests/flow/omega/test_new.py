"""A project that `omega new` wrote passes its own tests, and runs against a live federation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omega.handshake import Exit
from tests.support.nats import until
from tests.support.omega import Omega

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def project(federation_up: Omega) -> Path:
    folder = federation_up.directory / "text-tools"
    if not folder.exists():
        ended = federation_up("new", "text-tools")
        assert ended.code == Exit.OK, ended.err
        assert "omega member text_tools.service:build" in ended.out
    return folder


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=project, capture_output=True, text=True, timeout=120, check=False
    )


def test_its_own_tests_pass(project: Path) -> None:
    ran = run(project, "pytest", "-q", "-p", "no:cacheprovider")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "4 passed" in ran.stdout


@pytest.mark.parametrize(
    "words", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy", "--strict", ".")]
)
def test_its_code_is_clean(project: Path, words: tuple[str, ...]) -> None:
    ran = run(project, *words)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture
def serving(federation_up: Omega, project: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The project's member, as its README starts it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "omega", "member", "text_tools.service:build"],
        cwd=project,
        env=federation_up.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


async def test_it_runs_against_a_live_federation(federation_up: Omega, serving: subprocess.Popen[bytes]) -> None:
    await until(lambda: federation_up("show", "text_tools").code == Exit.OK, within=60)
    called = federation_up("call", "text_tools", "count", "text=to be or not to be", "--json")
    assert called.json == {"characters": 18, "words": 6, "lines": 1}
    serving.terminate()
    assert serving.wait(30) == 0
    assert federation_up("show", "text_tools").code == Exit.NOT_FOUND


def test_a_second_time_is_refused_and_changes_nothing(federation_up: Omega, project: Path) -> None:
    before = sorted(project.rglob("*"))
    ended = federation_up("new", "text-tools")
    assert ended.code == Exit.FAILED
    assert "not empty" in ended.err
    assert sorted(project.rglob("*")) == before


def test_a_name_that_cannot_be_is_a_wrong_command_line(federation_up: Omega) -> None:
    ended = federation_up("new", "My Service")
    assert ended.code == Exit.USAGE
    assert "my-service" in ended.err
