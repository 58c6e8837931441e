"""A hub and two sites: a NATS server each, the sites linked to the hub as leaf nodes through a proxy of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bus import Bus, BusSettings, Federation
from bus.subjects import Subjects
from directory import Directory, DirectorySettings, Window
from omega.embedded import ROUTE_USER, Link, ServerPlan, system_login
from omega.ports import free_port
from tests.support.cluster import HOST, NatsNode
from tests.support.fault_proxy import FaultProxy
from tests.support.federation import QUICK

HUB = "hub"
WINDOW = DirectorySettings(sites=("east", "west"), site_check_s=0.2, site_away_s=1.0)


@dataclass(frozen=True, slots=True)
class Place:
    """The hub, or one site, with a client of it."""

    name: str
    server: NatsNode
    settings: BusSettings
    federation: Federation
    link: FaultProxy | None = None
    """What a site's way to the hub goes through; None at the hub."""

    async def cut(self) -> None:
        """No way to the hub, and none to be had."""
        assert self.link is not None
        self.link.refuse()
        self.link.cut()

    async def mend(self) -> None:
        assert self.link is not None
        await self.link.accept()


@asynccontextmanager
async def hub_and_sites(directory: Path, *names: str) -> AsyncIterator[dict[str, Place]]:
    """The hub and each site by its name, with a directory each; linked when it begins."""
    async with AsyncExitStack() as stack:
        login = system_login(directory / "login.json")
        leaf_port = free_port(HOST)
        plan = ServerPlan(
            free_port(HOST), directory / HUB, login, name=HUB, monitor=free_port(HOST), domain=HUB, leaf_port=leaf_port
        )
        places = {HUB: await _place(stack, plan)}
        for name in names:
            link = await stack.enter_async_context(FaultProxy(leaf_port))
            url = f"nats-leaf://{ROUTE_USER}:{login.routes}@{HOST}:{link.port}"
            plan = ServerPlan(
                free_port(HOST),
                directory / name,
                login,
                name=name,
                monitor=free_port(HOST),
                domain=name,
                link=Link(url, Subjects().within_site()),
            )
            places[name] = await _place(stack, plan, link)
        yield places


async def _place(stack: AsyncExitStack, plan: ServerPlan, link: FaultProxy | None = None) -> Place:
    server = NatsNode(plan)
    server.start()
    stack.callback(server.kill)
    await asyncio.to_thread(server.wait_ready)
    settings = BusSettings(nats_url=server.url, max_backoff_s=0.2)
    part = await _opened(stack, settings, f"directory-{plan.name}")
    directory = Window(part, WINDOW) if link is None else Directory(part, QUICK)
    await directory.start()
    stack.push_async_callback(directory.stop)
    client = await _opened(stack, settings, f"client-{plan.name}")
    return Place(plan.name, server, settings, Federation(client), link)


async def _opened(stack: AsyncExitStack, settings: BusSettings, name: str) -> Bus:
    bus = await Bus.connect(settings, name=name)
    stack.push_async_callback(bus.close)
    return bus
