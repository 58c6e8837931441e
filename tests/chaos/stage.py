"""Everything a run needs, started and surely ended: three NATS nodes, two directories, two gateways, four members."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson

from bus import Bus, BusSettings
from bus.errors import FederationError
from bus.kv import Bucket
from omega.ports import free_port
from tests.chaos.member import EXECUTIONS
from tests.chaos.network import Network
from tests.chaos.plan import PAIR
from tests.chaos.process import Process
from tests.support.cluster import HOST, NatsCluster, NatsNode

PING_S = 2.0
"""`OMEGA_PING_INTERVAL_S`, here a fifth of its default: a node may freeze for seconds, and clients must leave it."""
MEMBERS = ("first", "second")
LOOK_EVERY_S = 0.1
ANSWERS_WITHIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway and where it listens."""

    process: Process
    url: str


@dataclass(slots=True)
class Stage:
    """What runs."""

    cluster: NatsCluster
    network: Network
    directories: list[Process]
    gateways: list[Gateway]
    members: dict[str, Process]
    """By key of the instance."""
    eye: Bus
    """A connection past the proxies, that no fault is meant for."""
    session: aiohttp.ClientSession

    def settings(self, number: int) -> BusSettings:
        """For a connection past the proxies, to that node first."""
        urls = [node.url for node in self.cluster.nodes]
        return BusSettings(
            nats_url=",".join(urls[number:] + urls[:number]), ping_interval_s=0.5, max_backoff_s=0.2, replicas=3
        )

    async def well(self) -> bool:
        """Whether every node is healthy, every gateway ready, and every directory answers."""
        healthy = await asyncio.gather(*(asyncio.to_thread(_healthy, node) for node in self.cluster.nodes))
        if not all(healthy):
            return False
        ready = await asyncio.gather(*(self._ready(gateway) for gateway in self.gateways))
        return all(ready) and await self._directories_answer()

    async def well_within(self, seconds: float) -> float | None:
        """When all was well; None when it was not in that time."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            if await self.well():
                return time.monotonic()
            await asyncio.sleep(LOOK_EVERY_S)
        return None

    async def status(self, key: str) -> str:
        """Of an instance, by the stream's leader; empty where there is none, or nobody tells."""
        try:
            entry = await Bucket(self.eye, self.eye.settings.bucket, timeout=ANSWERS_WITHIN_S).get(key)
        except FederationError:
            return ""
        return str(orjson.loads(entry.value)["status"]) if entry.value else ""

    async def _ready(self, gateway: Gateway) -> bool:
        try:
            async with self.session.get(
                gateway.url + "/health/ready", timeout=aiohttp.ClientTimeout(total=2)
            ) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def _directories_answer(self) -> bool:
        """Each replica says that it is there: the question of `nats micro ping`, which all of them answer."""
        heard = 0
        enough = asyncio.Event()

        def deliver(message: object) -> None:
            nonlocal heard
            heard += not isinstance(message, FederationError)
            if heard >= PAIR:
                enough.set()

        reply = self.eye.open_reply(deliver)
        try:
            self.eye.send("$SRV.PING.omega-directory", b"", reply=reply)
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                await enough.wait()
        except (FederationError, TimeoutError):
            return False
        finally:
            self.eye.close_reply(reply)
        return True


@asynccontextmanager
async def staged(directory: Path) -> AsyncIterator[Stage]:
    """A stage on which all is well. Its files, and every process's log, are below `directory`."""
    async with AsyncExitStack() as stack:
        cluster = NatsCluster(directory / "nats")
        network = await stack.enter_async_context(Network(cluster))
        stack.callback(cluster.stop)
        await asyncio.to_thread(cluster.start)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        eye = await Bus.connect(BusSettings(nats_url=cluster.url, ping_interval_s=0.5), name="chaos-eye")
        stack.push_async_callback(eye.close)
        parts = _Parts(directory, network)
        stage = Stage(cluster, network, parts.directories(), parts.gateways(), parts.members(), eye, session)
        await _start(stage, stack)
        yield stage


async def _start(stage: Stage, stack: AsyncExitStack) -> None:
    for process in (*stage.directories, *(gateway.process for gateway in stage.gateways), *stage.members.values()):
        process.start()
        stack.callback(process.kill)
    if await stage.well_within(90) is None:
        raise TimeoutError("the federation did not come up within 90 s; its logs say why")


def _healthy(node: NatsNode) -> bool:
    return node.healthy


class _Parts:
    """The processes, not started."""

    def __init__(self, directory: Path, network: Network) -> None:
        self._directory = directory
        self._common = {
            "OMEGA_NATS_URL": network.url,
            "OMEGA_REPLICAS": "3",
            "OMEGA_PING_INTERVAL_S": str(PING_S),
            "OMEGA_HOME": str(directory / "home"),
            "OMEGA_LOG_FORMAT": "json",
        }
        self._system_url = network.system_url

    def directories(self) -> list[Process]:
        hearing = {"OMEGA_DIRECTORY_SYSTEM_URL": self._system_url}
        return [self._omega(f"directory-{number}", "directory", **hearing) for number in range(1, PAIR + 1)]

    def gateways(self) -> list[Gateway]:
        found = []
        for number in range(1, PAIR + 1):
            port = free_port(HOST)
            process = self._omega(f"gateway-{number}", "gateway", "--port", str(port), OMEGA_GATEWAY_DOORS="{}")
            found.append(Gateway(process, f"http://{HOST}:{port}"))
        return found

    def members(self) -> dict[str, Process]:
        found = {}
        for name in MEMBERS:
            for number in range(1, PAIR + 1):
                more = {"OMEGA_MEMBER_INSTANCE": f"i{number}", EXECUTIONS: str(self._directory / "executions.txt")}
                place = f"tests.chaos.member:{name}"
                found[f"chaos_{name}.i{number}"] = self._omega(f"{name}-{number}", "member", place, **more)
        return found

    def _omega(self, name: str, *arguments: str, **environment: str) -> Process:
        command = ("-m", "omega", *arguments)
        return Process(name, command, self._common | environment, self._directory / f"{name}.log")


Look = Callable[[], Awaitable[bool]]


async def until(look: Look, within: float) -> float | None:
    """When `look` said yes; None when it did not in that time."""
    give_up = time.monotonic() + within
    while time.monotonic() < give_up:
        if await look():
            return time.monotonic()
        await asyncio.sleep(LOOK_EVERY_S)
    return None
