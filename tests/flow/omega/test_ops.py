"""The operator's files at work: make, the sample configurations, the integration tests against a running stack."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from omega.embedded import find_server
from tests.support.omega import Omega

ROOT = Path(__file__).parents[3]
OPS = ROOT / "ops"
TARGETS = ("up", "down", "logs", "health", "test", "list", "ps", "clean", "help")


def run(*words: str, cwd: Path = ROOT, environment: Mapping[str, str] = os.environ) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("directory", "file"), [(ROOT, "ops/Makefile.fastmcp"), (OPS, "Makefile.fastmcp")])
def test_the_stacks_makefile_helps_from_the_root_and_from_ops(directory: Path, file: str) -> None:
    helped = run("make", "-f", file, "help", cwd=directory)
    assert helped.returncode == 0
    assert [line.split()[0] for line in helped.stdout.splitlines()] == ["help", *(t for t in _in_file() if t != "help")]
    assert set(TARGETS) == set(_in_file())


def _in_file() -> list[str]:
    lines = (OPS / "Makefile.fastmcp").read_text().splitlines()
    return [line.partition(":")[0] for line in lines if "## " in line and not line.startswith("\t")]


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_means_the_same_from_both_places(target: str) -> None:
    from_root = run("make", "-n", "-f", "ops/Makefile.fastmcp", target)
    from_ops = run("make", "-n", "-f", "Makefile.fastmcp", target, cwd=OPS)
    assert from_root.returncode == from_ops.returncode == 0
    assert from_root.stdout == from_ops.stdout


def test_the_roots_makefile_names_its_two_commands_first() -> None:
    helped = run("make").stdout.splitlines()
    assert [line.split()[1] for line in helped][:2] == ["help", "up"]
    assert any(line.split()[1] == "test" for line in helped)


def test_the_embedded_sample_is_a_configuration_nats_takes() -> None:
    checked = run(str(find_server().path), "-t", "-c", str(OPS / "nats" / "embedded.conf"))
    assert checked.returncode == 0, checked.stderr


def test_the_production_sample_refuses_to_start_without_its_passwords() -> None:
    environment = {**os.environ, "OMEGA_NODE": "n1"}
    checked = run(str(find_server().path), "-t", "-c", str(OPS / "nats" / "node.conf"), environment=environment)
    assert checked.returncode != 0
    assert "PASSWORD" in checked.stderr


@pytest.mark.timeout(120)
def test_the_integration_tests_pass_against_a_running_stack(federation_up: Omega) -> None:
    walked = run(sys.executable, str(OPS / "smoke.py"), environment=federation_up.environment)
    assert walked.returncode == 0, walked.stdout
    assert "0 failed" in walked.stdout


def test_the_integration_tests_fail_without_one() -> None:
    walked = run(sys.executable, str(OPS / "smoke.py"), "http://127.0.0.1:1")
    assert walked.returncode == 1
    assert "0 passed" in walked.stdout
