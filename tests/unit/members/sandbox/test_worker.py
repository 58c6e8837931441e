"""The worker's supervisor: every ending of a job is one frame, and no ending quotes the input."""

from __future__ import annotations

import io
from typing import Any

from members.sandbox import frames
from members.sandbox.refusals import Invalid
from members.sandbox.worker import Job, outcome


def ended(job: Job) -> Any:
    reply = outcome({"job": job}, {"job": "job", "arguments": {"a": 1}}, lambda step: None)
    return frames.read(io.BytesIO(reply))


def test_a_result_is_a_result() -> None:
    assert ended(lambda arguments, report: {"seen": dict(arguments)}) == {"result": {"seen": {"a": 1}}}


def test_a_refusal_keeps_its_kind_and_details() -> None:
    def job(*_: Any) -> Any:
        raise Invalid("empty", field="x")

    assert ended(job) == {"refused": {"kind": "invalid", "message": "empty", "details": {"field": "x"}}}


def test_running_out_of_memory_is_told_as_too_large() -> None:
    def job(*_: Any) -> Any:
        raise MemoryError

    assert ended(job)["refused"]["kind"] == "too_large"


def test_nesting_too_deep_is_told_as_too_large() -> None:
    def job(arguments: Any, report: Any) -> Any:
        return [job(arguments, report)]

    assert ended(job)["refused"]["kind"] == "too_large"


def test_a_crash_is_told_by_type_and_place_without_its_text() -> None:
    def job(*_: Any) -> Any:
        raise ValueError("hunter2")

    crash = ended(job)["crashed"]
    assert crash.startswith("ValueError at ")
    assert "hunter2" not in crash


def test_a_result_that_is_no_json_is_a_crash_and_not_silence() -> None:
    assert "crashed" in ended(lambda *_: {1, 2})
