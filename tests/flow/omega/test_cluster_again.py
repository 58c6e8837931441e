"""A cluster that is ended and started again, and what cannot be one."""

from __future__ import annotations

import json

import pytest

from omega.embedded import read_nodes
from omega.handshake import Exit
from omega.home import Home
from tests.support.clustered import CLUSTER, knows
from tests.support.federation import manifest
from tests.support.nats import until
from tests.support.omega import Omega, client_of

pytestmark = pytest.mark.timeout(300)


def test_restarting_where_nothing_is_up_says_so(omega: Omega) -> None:
    assert omega("restart").code == Exit.UNAVAILABLE


async def test_it_comes_back_with_its_data_on_its_ports(omega: Omega) -> None:
    with omega.up(*CLUSTER) as started:
        assert started.code == Exit.OK, started.err + started.out
        async with client_of(omega) as federation:
            await federation.register(manifest("kept"))
        first = read_nodes(Home(omega.home).nodes_file)
        assert omega("down").code == Exit.OK
        assert omega.alive() == []
        port = str(first[0].port)
        again = omega("up", "-d", *CLUSTER, "--port", "0", "--nats-port", port)
        assert again.code == Exit.OK, again.err + again.out
        assert read_nodes(Home(omega.home).nodes_file) == first
        async with client_of(omega) as federation:
            await until(lambda: knows(federation, {"kept", "weather"}), within=20)
        assert omega("down").code == Exit.OK
        single = omega("up", "-d", "--no-services", "--no-doors", "--port", "0", "--nats-port", "0")
        assert "those of the cluster are there again with --cluster" in single.err + single.out
        assert omega("down").code == Exit.OK
        refused = omega("up", "-d", "--cluster", "5", "--port", "0", "--nats-port", "0", "--no-doors")
        assert refused.code == Exit.FAILED
        assert "holds the data of a cluster of 3" in refused.err


@pytest.mark.parametrize("size", ["0", "2", "4", "7"])
def test_another_number_of_servers_is_refused(omega: Omega, size: str) -> None:
    refused = omega("up", "-d", "--cluster", size)
    assert refused.code == Exit.USAGE
    assert "1, 3 or 5" in refused.err


def test_servers_of_ones_own_and_of_others_are_not_mixed(omega: Omega) -> None:
    assert omega("up", "-d", "--cluster", "3", "--nats", "nats://127.0.0.1:4222").code == Exit.USAGE
    assert json.loads(omega("status", "--json").out)["up"] is False
