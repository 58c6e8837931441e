"""`omega up`: what its options mean, and that the background start means the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from omega.cli import up as command
from omega.cli.commands import build_app
from omega.cli.up import read_doors
from omega.composition import UpSettings
from omega.home import Home
from omega.running import arguments
from omega.trouble import WrongUse

DEFAULT = UpSettings(home=Home(Path("/srv/omega")))


def test_doors_are_the_documented_ones() -> None:
    assert read_doors((), "127.0.0.1") == {
        "code_analyzer_fastmcp": 9501,
        "data_validator_fastmcp": 9502,
        "image_service_fastmcp": 9503,
    }


def test_a_door_can_be_moved_by_the_short_name_too() -> None:
    assert read_doors(("code_analyzer=9601",), "127.0.0.1")["code_analyzer_fastmcp"] == 9601


def test_a_member_of_the_users_own_can_have_a_door() -> None:
    assert read_doors(("weather=9600",), "127.0.0.1")["weather"] == 9600


def test_a_door_at_port_0_gets_a_free_one() -> None:
    assert read_doors(("weather=0",), "127.0.0.1")["weather"] > 0


@pytest.mark.parametrize("word", ["weather", "weather=", "weather=x", "weather=70000", "=-1"])
def test_a_door_without_a_port_is_refused(word: str) -> None:
    with pytest.raises(WrongUse, match="ID=PORT"):
        read_doors((word,), "127.0.0.1")


@pytest.mark.parametrize(
    "settings",
    [
        DEFAULT,
        replace(DEFAULT, port=9500, nats_port=4333, prefix="lab", replicas=2),
        replace(DEFAULT, nats_url="nats://bus.example.org:4222", doors={}),
        replace(DEFAULT, host="0.0.0.0", everybody=True, services=False, members=("a:b", "c:d")),
        replace(DEFAULT, doors={**DEFAULT.doors, "weather": 9600}),
    ],
)
def test_the_background_start_gets_a_command_line_that_means_the_same(
    settings: UpSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[UpSettings] = []

    async def note(given: UpSettings) -> int:
        started.append(given)
        return 0

    monkeypatch.setattr(command, "_foreground", note)
    monkeypatch.setenv("OMEGA_HOME", str(settings.home.root))
    run(["up", *arguments(settings)])
    assert started == [settings]


def run(words: Sequence[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_app()(list(words))
    assert ended.value.code == 0
