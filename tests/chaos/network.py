"""The network between everybody: a proxy before each NATS node for its clients, and one for each way between two nodes.

A node is dialled by others through these alone: what it says of its own addresses are those of the proxies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from types import TracebackType

from omega.embedded import Cluster
from tests.support.cluster import HOST, NatsCluster
from tests.support.fault_proxy import FaultProxy

NOBODY = f"{HOST}:1"
"""Told to nodes that want to learn of each other: they have their routes, by proxies that they must use."""


class Network:
    """The ways to and between the nodes of `cluster`, which is not started yet."""

    def __init__(self, cluster: NatsCluster) -> None:
        self._cluster = cluster
        self._stack = AsyncExitStack()
        self.clients: list[FaultProxy] = []
        """By node."""
        self._routes: dict[tuple[int, int], FaultProxy] = {}
        """By who dials and who is dialled."""

    async def __aenter__(self) -> Network:
        for number, node in enumerate(self._cluster.nodes):
            self.clients.append(await self._stack.enter_async_context(FaultProxy(node.plan.port)))
            for other, far in enumerate(self._cluster.nodes):
                if other != number and far.plan.cluster is not None:
                    proxy = await self._stack.enter_async_context(FaultProxy(far.plan.cluster.port))
                    self._routes[number, other] = proxy
        for number in range(len(self._cluster.nodes)):
            self._lay(number)
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def url(self) -> str:
        """Every node's, for clients."""
        return ",".join(proxy.url for proxy in self.clients)

    @property
    def system_url(self) -> str:
        """The same for the servers' own account."""
        pairs = zip(self._cluster.nodes, self.clients, strict=True)
        return ",".join(node.system_url.replace(f":{node.plan.port}", f":{proxy.port}") for node, proxy in pairs)

    def routes_of(self, number: int) -> Iterator[FaultProxy]:
        """Every way between a node and the others."""
        return (proxy for ends, proxy in self._routes.items() if number in ends)

    def part(self, number: int) -> None:
        """Nothing passes between a node and the others any more, and neither side is told."""
        for proxy in self.routes_of(number):
            proxy.swallow()

    def join(self, number: int) -> None:
        """As usual again; what lost bytes is reset."""
        for proxy in self.routes_of(number):
            proxy.heal()
            proxy.cut()

    def _lay(self, number: int) -> None:
        node, client = self._cluster.nodes[number], self.clients[number]
        assert node.plan.cluster is not None
        routes = tuple(proxy.port for (dials, _), proxy in self._routes.items() if dials == number)
        node.plan = replace(node.plan, cluster=Cluster(node.plan.cluster.port, routes))
        told = f'cluster {{\n  advertise: "{NOBODY}"\n'
        node.edit = lambda text: f'client_advertise: "{HOST}:{client.port}"\n' + text.replace("cluster {\n", told)
