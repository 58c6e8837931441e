"""One form of log, whoever wrote the record."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog

from bus.logs import configure_logs


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def records(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_record_is_one_line_of_json_with_its_fields(out: io.StringIO) -> None:
    configure_logs("info", json=True, stream=out)
    structlog.get_logger("directory.intake").info("registered", member="a", revision=3)
    (record,) = records(out)
    assert list(record) == ["at", "level", "event", "logger", "member", "revision"]
    assert (record["event"], record["logger"], record["revision"]) == ("registered", "directory.intake", 3)
    assert record["at"].endswith("Z")


def test_a_record_of_the_standard_library_has_the_same_form(out: io.StringIO) -> None:
    configure_logs("info", json=True, stream=out)
    logging.getLogger("nats").warning("slow %s", "consumer", extra={"sid": 7})
    (record,) = records(out)
    assert list(record)[:4] == ["at", "level", "event", "logger"]
    assert (record["level"], record["event"], record["sid"]) == ("warning", "slow consumer", 7)


def test_what_is_below_the_level_is_left_out(out: io.StringIO) -> None:
    configure_logs("warning", json=True, stream=out)
    structlog.get_logger("a").info("quiet")
    logging.getLogger("b").info("quiet")
    structlog.get_logger("a").error("loud")
    assert [record["event"] for record in records(out)] == ["loud"]


def test_a_traceback_is_a_field(out: io.StringIO) -> None:
    configure_logs("info", json=True, stream=out)
    try:
        raise KeyError("x")
    except KeyError:
        structlog.get_logger("a").exception("boom")
    assert "KeyError: 'x'" in records(out)[0]["exception"]


@pytest.mark.parametrize("value", [object(), "\ud800", 2**80, {1: "a"}, b"bytes"])
def test_no_value_costs_the_line(out: io.StringIO, value: object) -> None:
    configure_logs("info", json=True, stream=out)
    structlog.get_logger("a").info("odd", value=value)
    assert records(out)[0]["event"] == "odd"


def test_a_line_break_in_a_value_stays_inside_the_line(out: io.StringIO) -> None:
    configure_logs("info", json=True, stream=out)
    structlog.get_logger("a").info("odd", value='a\n{"event":"forged"}')
    assert len(records(out)) == 1


def test_people_get_text(out: io.StringIO) -> None:
    configure_logs("info", json=False, stream=out)
    structlog.get_logger("a").info("registered", member="x")
    assert "registered" in out.getvalue()
    assert "member=x" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="one of debug, info, warning, error"):
        configure_logs("loud", json=True)


@pytest.mark.parametrize("json_lines", [True, False])
def test_no_line_tells_a_secret(out: io.StringIO, *, json_lines: bool) -> None:
    configure_logs("info", json=json_lines, stream=out)
    log = structlog.get_logger("a")
    log.info("asked", headers={"Authorization": "Bearer Hunter-22"}, url="redis://:Hunter-22@h/0", password="Hunter-22")
    logging.getLogger("b").warning("dialled %s", "nats://u:Hunter-22@h")
    try:
        raise ValueError("no such key: omk_a_Hunter-22")
    except ValueError:
        log.exception("boom")
    assert "Hunter" not in out.getvalue()
    assert out.getvalue().count("boom") == 1
