"""Ports on this machine: who holds one."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from omega.ports import Wanted, free_port, holder_of, look


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def wanted(port: int) -> Wanted:
    return Wanted("127.0.0.1", port, "gateway", "--port PORT")


def test_a_free_port_can_be_had() -> None:
    assert look(wanted(free_port("127.0.0.1"))) is None


def test_a_taken_port_names_the_process_that_listens(taken: int) -> None:
    found = look(wanted(taken))
    assert found is not None
    assert found.holder is not None
    assert found.holder.pid == os.getpid()
    assert "python" in found.holder.command or "pytest" in found.holder.command
    assert f"pid {os.getpid()}" in found.text


def test_nobody_holds_a_free_port() -> None:
    assert holder_of(free_port("127.0.0.1")) is None


def test_a_port_left_a_moment_ago_counts_as_free(taken: int) -> None:
    with socket.create_connection(("127.0.0.1", taken)):
        pass
    # The connection is in TIME_WAIT now, on a port nobody listens on.
    port = free_port("127.0.0.1")
    with socket.create_server(("127.0.0.1", port)) as server:
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()
        client.close()
    assert look(wanted(port)) is None


def test_a_host_that_is_not_this_machine_is_an_error() -> None:
    with pytest.raises(OSError, match="assign"):
        look(Wanted("192.0.2.1", 9405, "gateway", "--port PORT"))
