"""The run directory: where it is, and that nothing else is ever removed."""

from __future__ import annotations

import stat
from pathlib import Path

from omega.home import Home, home_from


def test_omega_home_is_taken_first() -> None:
    assert home_from({"OMEGA_HOME": "/srv/omega", "XDG_STATE_HOME": "/x", "HOME": "/home/me"}).root == Path(
        "/srv/omega"
    )


def test_then_the_state_directory_of_the_user() -> None:
    assert home_from({"XDG_STATE_HOME": "/x", "HOME": "/home/me"}).root == Path("/x/omega")


def test_then_its_default() -> None:
    assert home_from({"HOME": "/home/me"}).root == Path("/home/me/.local/state/omega")


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "omega")
    home.create()
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.nats.stat().st_mode) == 0o700


def test_clearing_removes_what_a_federation_wrote(tmp_path: Path) -> None:
    home = Home(tmp_path / "omega")
    home.create()
    home.log("gateway").write_text("x")
    home.clear()
    assert not home.root.exists()


def test_clearing_leaves_what_somebody_else_put_there(tmp_path: Path) -> None:
    home = Home(tmp_path / "omega")
    home.create()
    theirs = home.root / "precious.txt"
    theirs.write_text("x")
    home.clear()
    assert [path.name for path in home.root.iterdir()] == ["precious.txt"]


def test_clearing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    Home(tmp_path / "omega").clear()
