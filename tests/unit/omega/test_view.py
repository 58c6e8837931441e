"""What `up` and `status` show of processes."""

from __future__ import annotations

import pytest
from rich.console import Console

from omega.cli.view import Headline, LiveView, PlainView, change_line, process_table
from omega.state import Phase, ProcessState
from tests.unit.omega.rendering import drawn

NATS = ProcessState("nats", Phase.READY, 12, 0, 1000.0, "nats://127.0.0.1:4222")
GATEWAY = ProcessState("gateway", Phase.RESTARTING, None, 2, 0.0, "http://127.0.0.1:9405", "exit 1")
ABSENT = ProcessState("code_analyzer", Phase.NOT_INSTALLED, detail="pip install 'omega-federation[code]'")


def test_a_row_tells_state_pid_restarts_uptime_and_where() -> None:
    rows = drawn(process_table([NATS, GATEWAY, ABSENT], now=1065.0)).splitlines()
    assert rows[0].split() == ["PROCESS", "STATE", "PID", "RESTARTS", "UPTIME", "WHERE"]
    assert rows[2].split() == ["nats", "ready", "12", "1m05s", "nats://127.0.0.1:4222"]
    assert rows[3].split() == ["gateway", "restarting", "2", "http://127.0.0.1:9405", "exit", "1"]
    assert rows[4].split(maxsplit=3) == ["code_analyzer", "not", "installed", "pip install 'omega-federation[code]'"]


def test_health_has_a_column_when_it_was_asked_for() -> None:
    text = drawn(process_table([NATS, GATEWAY], 1065.0, {"gateway": "ok 3 ms"}))
    assert "HEALTH" in text
    assert "ok 3 ms" in text


@pytest.mark.parametrize(
    ("process", "line"),
    [
        (NATS, "nats: ready, pid 12, nats://127.0.0.1:4222"),
        (GATEWAY, "gateway: restarting: exit 1"),
        (NATS.turned(Phase.STARTING), "nats: starting, pid 12"),
        (NATS.turned(Phase.STOPPING), "nats: stopping"),
        (ABSENT, "code_analyzer: not installed: pip install 'omega-federation[code]'"),
    ],
)
def test_a_change_is_one_line(process: ProcessState, line: str) -> None:
    assert change_line(process) == line


def test_the_plain_view_prints_what_is_different(capsys: pytest.CaptureFixture[str]) -> None:
    view = PlainView()
    view.changed([NATS, ProcessState("gateway")])
    view.changed([NATS, GATEWAY])
    lines = [line.split("  ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["nats: ready, pid 12, nats://127.0.0.1:4222", "gateway: restarting: exit 1"]


def test_what_is_known_already_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    PlainView([NATS]).changed([NATS])
    assert capsys.readouterr().out == ""


def live_view(*, height: int = 30) -> LiveView:
    console = Console(width=100, height=height, highlight=False)
    return LiveView(console, Headline("http://127.0.0.1:9405", "nats://127.0.0.1:4222", "/home/me/.local/state/omega"))


def test_the_live_view_shows_where_everything_is() -> None:
    view = live_view()
    view.changed([NATS, GATEWAY])
    text = drawn(view.picture(1065.0), width=160)
    for words in ("http://127.0.0.1:9405", "nats://127.0.0.1:4222", "/home/me/.local/state/omega", "restarting"):
        assert words in text


def test_the_live_view_shows_whole_lines_of_the_logs() -> None:
    view = live_view()
    view.changed([GATEWAY])
    view.said("gateway", b'{"level":"info","event":"liste')
    assert "liste" not in drawn(view.picture(0))
    view.said("gateway", b'ning","port":9405}\nhalf')
    assert "listening  port=9405" in drawn(view.picture(0))
    assert "half" not in drawn(view.picture(0))


def test_the_live_view_never_grows_over_the_screen() -> None:
    view = live_view(height=20)
    view.changed([NATS, GATEWAY])
    view.said("gateway", b"a line\n" * 500)
    assert len(drawn(view.picture(0), width=100).splitlines()) <= 20


def test_the_live_view_leaves_out_what_nats_tells_at_every_start() -> None:
    view = live_view()
    view.said("nats", b"[1] 2026/11/22 10:45:34.17 [INF] Server is ready\n[1] 2026/11/22 10:45:35.17 [ERR] disk full\n")
    text = drawn(view.picture(0))
    assert "Server is ready" not in text
    assert "disk full" in text


def test_the_live_view_says_that_it_is_ending() -> None:
    view = live_view()
    view.changed([NATS.turned(Phase.STOPPING)])
    assert "ending in order" in drawn(view.picture(0))
