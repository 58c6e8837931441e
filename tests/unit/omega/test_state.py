"""What the supervisor writes down, and when a reader may believe it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from omega.state import (
    Phase,
    ProcessState,
    RunState,
    own_creation_time,
    read_state,
    running,
    supervised,
    write_state,
)

NATS = ProcessState("nats", Phase.READY, 12, 1, 1000.0, "nats://127.0.0.1:4222", "last end: exit 1")
GATEWAY = ProcessState("gateway", Phase.READY, 13, 0, 1001.0, "http://127.0.0.1:9405")
ABSENT = ProcessState("code_analyzer", Phase.NOT_INSTALLED)


@pytest.fixture
def state() -> RunState:
    """As this very process would have written it."""
    return RunState(
        run_id="ab12",
        pid=os.getpid(),
        created=own_creation_time(),
        nats_url="nats://127.0.0.1:4222",
        gateway_url="http://127.0.0.1:9405",
        prefix="omega",
        processes=(NATS, GATEWAY),
    )


def test_what_is_written_is_read_back(tmp_path: Path, state: RunState) -> None:
    write_state(tmp_path / "state.json", state)
    assert read_state(tmp_path / "state.json") == state


def test_no_half_written_file_is_ever_in_its_place(tmp_path: Path, state: RunState) -> None:
    write_state(tmp_path / "state.json", state)
    write_state(tmp_path / "state.json", replace(state, stopping=True))
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "no"}', b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_no_state(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.json").write_bytes(content)
    assert read_state(tmp_path / "state.json") is None


def test_no_file_is_no_state(tmp_path: Path) -> None:
    assert read_state(tmp_path / "nowhere" / "state.json") is None


def test_the_run_of_a_living_process_goes_on(tmp_path: Path, state: RunState) -> None:
    write_state(tmp_path / "state.json", state)
    assert running(tmp_path / "state.json") == state


def test_a_pid_that_went_to_another_process_is_not_our_supervisor(state: RunState) -> None:
    assert not supervised(replace(state, created=state.created - 3600))


def test_a_pid_that_nobody_has_is_not_our_supervisor(state: RunState) -> None:
    assert not supervised(replace(state, pid=2**22 + 1))


def test_a_killed_run_is_not_running(tmp_path: Path, state: RunState) -> None:
    write_state(tmp_path / "state.json", replace(state, created=state.created - 3600))
    assert running(tmp_path / "state.json") is None


@pytest.mark.parametrize(
    ("processes", "ready", "settled"),
    [
        ((NATS, GATEWAY), True, True),
        ((NATS, ABSENT), True, True),
        ((NATS, GATEWAY.turned(Phase.STARTING)), False, False),
        ((NATS, GATEWAY.turned(Phase.WAITING)), False, False),
        ((NATS, GATEWAY.turned(Phase.RESTARTING)), False, False),
        ((NATS, GATEWAY.turned(Phase.FAILED)), False, True),
        ((ABSENT,), False, True),
        ((), False, False),
    ],
)
def test_a_run_is_ready_when_all_that_can_be_here_is(
    state: RunState, processes: tuple[ProcessState, ...], ready: bool, settled: bool
) -> None:
    state = replace(state, processes=processes)
    assert (state.ready, state.settled) == (ready, settled)


def test_a_run_that_is_being_ended_is_not_ready(state: RunState) -> None:
    assert not replace(state, stopping=True).ready
