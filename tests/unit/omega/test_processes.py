"""What one process of ours is told, and which member it is to serve."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omega.handshake import READY_FD
from omega.processes.life import announce_ready, set_up_logs
from omega.processes.member import CannotLoad, load_member
from omega.trouble import NotInstalled, WrongUse

OWN = """
from omega import Member
member = Member("weather")
def build(): return Member("built")
class Odd: pass
odd = Odd()
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module of the user's in the working directory."""
    (tmp_path / "own_tools.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "own_tools"
    sys.modules.pop("own_tools", None)


@pytest.mark.parametrize(("attribute", "id"), [("member", "weather"), ("build", "built")])
def test_a_member_of_the_users_own_is_found_in_the_working_directory(own_module: str, attribute: str, id: str) -> None:
    assert load_member(f"{own_module}:{attribute}").id == id


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("wether", "neither a shipped service"),
        ("own_tools:", "neither a shipped service"),
        ("own_tools:membr", "has no 'membr'"),
        ("own_tools:odd", "Odd, not a Member"),
        ("no_such_module:member", "No module named 'no_such_module'"),
    ],
)
def test_a_place_without_a_member_is_refused_with_the_reason(own_module: str, place: str, words: str) -> None:
    with pytest.raises(CannotLoad, match=words):
        load_member(place)


def test_a_shipped_service_goes_by_its_name() -> None:
    assert load_member("data_validator").id == "data_validator_fastmcp"


def test_a_service_without_its_extra_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omega.services.find_spec", lambda name: None)
    with pytest.raises(NotInstalled, match=r"pip install 'omega-federation\[code\]'"):
        load_member("code_analyzer")


@pytest.fixture
def _collector_as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("_collector_as_before")
def test_readiness_is_told_once_to_who_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    monkeypatch.setenv(READY_FD, str(writer))
    announce_ready()
    announce_ready()
    with open(reader, "rb") as said:  # noqa: PTH123 - a descriptor, not a path
        assert said.read() == b"ready\n"


@pytest.mark.usefixtures("_collector_as_before")
def test_readiness_nobody_asked_for_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(READY_FD, raising=False)
    announce_ready()


@pytest.mark.parametrize("environment", [{"OMEGA_LOG_FORMAT": "xml"}, {"OMEGA_LOG_LEVEL": "loud"}])
def test_a_log_setting_that_is_none_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(WrongUse, match=r"xml|loud"):
        set_up_logs(environment)


def test_the_environment_chooses_the_level() -> None:
    set_up_logs({"OMEGA_LOG_LEVEL": "ERROR", "OMEGA_LOG_FORMAT": "json"})
    assert logging.getLogger().level == logging.ERROR
