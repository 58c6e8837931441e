"""What every test may ask for: a real nats-server and connections to it."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from bus import Bus, BusSettings, Federation
from directory import Directory
from tests.support.federation import running_directory
from tests.support.logs import own_logs
from tests.support.nats import NatsServer, running_server
from tests.support.order import place, workers

TESTS = Path(__file__).parent

# Some environments ask Python to keep nothing it compiled. Tests start hundreds of processes.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# As many examples as a minute for all unit tests allows; `--hypothesis-profile long` looks for longer.
hypothesis_settings.register_profile("quick", max_examples=20, deadline=None)
hypothesis_settings.register_profile("long", max_examples=2_000, deadline=None)
hypothesis_settings.load_profile("quick")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    return workers(config.args)


def pytest_configure(config: pytest.Config) -> None:
    config.option.loadscopereorder = False  # files are handed out in the order of `pytest_collection_modifyitems`


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place(item.path.relative_to(TESTS).as_posix()))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    of_make = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")  # a `make` that a test runs is not one below `make test`
    for name in [name for name in os.environ if name.startswith("OMEGA_") or name in of_make]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logs_of_its_own() -> Iterator[None]:
    with own_logs():
        yield


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A nats-server with JetStream of this test's own."""
    with running_server(tmp_path / "nats") as server:
        yield server


@pytest.fixture
def settings(nats_server: NatsServer) -> BusSettings:
    return BusSettings(nats_url=nats_server.url, ping_interval_s=1, max_backoff_s=0.2)


@pytest.fixture
async def bus(settings: BusSettings) -> AsyncIterator[Bus]:
    """An open connection."""
    bus = await Bus.connect(settings, name="test")
    yield bus
    await bus.close()


@pytest.fixture
async def directory(settings: BusSettings) -> AsyncIterator[Directory]:
    """A running directory replica."""
    async with running_directory(settings) as directory:
        yield directory


@pytest.fixture
def federation(bus: Bus, directory: Directory) -> Federation:
    """A client of a federation with one directory."""
    return Federation(bus)
