"""What a test of the command may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clustered import CLUSTER
from tests.support.omega import Omega


@pytest.fixture
def omega(tmp_path: Path) -> Omega:
    """The command with a run directory of this test's own; nothing is up."""
    return Omega(tmp_path)


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
