"""The front door: every command is what the table says of it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
from cyclopts import App

from omega.cli.commands import COMMANDS, Command, build_app

ids = [command.name for command in COMMANDS]


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_the_table_repeats_the_first_line_of_the_commands_own_words(command: Command) -> None:
    module, _, name = command.place.partition(":")
    found = getattr(import_module(f"omega.cli.{module}"), name)
    said = found.help if isinstance(found, App) else found.__doc__.splitlines()[0]
    assert said == command.help


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_every_command_explains_itself(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_app()([command.name, "--help"])
    assert ended.value.code == 0
    assert command.help.split()[0] in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_every_option_of_every_command_is_explained(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_app()([command.name, "--help"])
    for line in capsys.readouterr().out.splitlines():
        if line.startswith("│ -"):
            assert line.strip("│ ").split("  ", 1)[1:], f"{command.name}: {line}"


@pytest.mark.parametrize("words", [["lss"], ["up", "--prot", "1"], ["show"], ["ls", "--page", "x"]])
def test_a_wrong_command_line_ends_with_code_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_app()(words)
    assert ended.value.code == 2


def test_the_front_door_loads_no_message_bus() -> None:
    code = "import sys; from omega.cli.commands import build_app; build_app(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"nats", "bus", "mcp", "aiohttp", "pydantic", "tantivy"} & set(loaded)


def test_the_public_face_is_what_it_says_it_is() -> None:
    omega, members, bus = (import_module(name) for name in ("omega", "members", "bus"))
    assert omega.Member is members.Member
    assert omega.Federation is bus.Federation
    assert set(omega.__all__) <= set(dir(omega))
    with pytest.raises(AttributeError, match="no attribute 'Membr'"):
        omega.Membr  # noqa: B018 - the access is what is tested
