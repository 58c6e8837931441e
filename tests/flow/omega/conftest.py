"""What a test of the command may ask for."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bus import Bus, BusSettings
from tests.support.clustered import CLUSTER
from tests.support.nats import NatsServer, running_server
from tests.support.omega import Omega


@pytest.fixture
def omega(tmp_path: Path) -> Omega:
    """The command with a run directory of this test's own; nothing is up."""
    return Omega(tmp_path)


@pytest.fixture
def other_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A second NATS, with nothing in it."""
    with running_server(tmp_path / "other") as server:
        yield server


@pytest.fixture
async def other(other_server: NatsServer) -> AsyncIterator[Bus]:
    """A connection to it."""
    bus = await Bus.connect(BusSettings(nats_url=other_server.url, max_backoff_s=0.2), name="other")
    yield bus
    await bus.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a backup goes."""
    return tmp_path / "omega.jsonl.gz"


@pytest.fixture(scope="module")
def federation_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Omega]:
    """A federation with one member, shared by the tests of a module: they must leave it as it was."""
    yield from _up(tmp_path_factory.mktemp("shared"), "--no-services", "--member", "weather:member")


@pytest.fixture(scope="module")
def cluster_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Omega]:
    """A cluster with one member, shared by the tests of a module: each leaves it whole."""
    yield from _up(tmp_path_factory.mktemp("cluster"), *CLUSTER)


def _up(directory: Path, *words: str) -> Iterator[Omega]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("OMEGA_")]:
            patch.delenv(name)
        omega = Omega(directory)
        with omega.up(*words) as started:
            assert started.code == 0, started.err + started.out
            yield omega
