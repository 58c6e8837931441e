"""A real NATS cluster for a test: nodes that keep name, ports and store, and can be killed, frozen and restarted.

The servers run with the configuration that `omega up --cluster` writes.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from omega.embedded import (
    SYSTEM_USER,
    Cluster,
    Login,
    Node,
    ServerPlan,
    configuration,
    find_server,
    place_nodes,
    system_login,
)
from omega.ports import free_port

HOST = "127.0.0.1"
LOOK_EVERY_S = 0.02
READY_WITHIN_S = 60.0


class NatsNode:
    """One server of a cluster. Every verb blocks until it is done, but `pause`, `resume` and `start`."""

    def __init__(self, plan: ServerPlan) -> None:
        """`plan.store` is where its configuration and its log go too; `plan.monitor` must be set."""
        self.plan = plan
        self.edit: Callable[[str], str] = lambda text: text
        """What a test changes in its configuration."""
        self._directory = _made(plan.store)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.plan.port}"

    @property
    def system_url(self) -> str:
        """Of the account that hears the servers' own events."""
        return f"nats://{SYSTEM_USER}:{self.plan.login.system}@{HOST}:{self.plan.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; `wait_ready` says when it serves."""
        path = self._directory / "nats.conf"
        path.write_text(self.edit(configuration(self.plan)))
        with (self._directory / "nats.log").open("ab") as log:
            self._process = subprocess.Popen([str(find_server().path), "-c", str(path)], stdout=log, stderr=log)

    def kill(self) -> None:
        """kill -9, frozen or not."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not end."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self.resume()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self) -> None:
        """Freeze it: SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def lame_duck(self) -> None:
        """Tell it to move its clients elsewhere and to end then, half a minute at most. Blocks until it ended."""
        os.kill(self.pid, signal.SIGUSR2)
        assert self._process is not None
        self._process.wait(60)

    def restart(self) -> None:
        """Stop and start again with its store, on its ports; returns when it is healthy."""
        self.stop()
        self.start()
        self.wait_ready()

    def asked(self, path: str) -> tuple[int, Any]:
        """What its monitoring port says: status and JSON. Status 0: nothing."""
        connection = http.client.HTTPConnection(HOST, self.plan.monitor, timeout=2)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()

    @property
    def healthy(self) -> bool:
        """Whether it serves, JetStream is in touch with its leader, and every stream of its has caught up."""
        return self.asked("/healthz")[0] == 200

    def wait_ready(self, within: float = READY_WITHIN_S) -> None:
        """Return when it is healthy. Raises TimeoutError with the end of its log."""
        give_up = time.monotonic() + within
        while not self.healthy:
            if time.monotonic() > give_up:
                raise TimeoutError(f"{self.plan.name} not healthy within {within} s:\n{self.log()[-4000:]}")
            time.sleep(LOOK_EVERY_S)

    def log(self) -> str:
        return (self._directory / "nats.log").read_text(errors="replace")


class NatsCluster:
    """`size` nodes with R3 to be had. `nodes[i]` may be hurt in any way; `stop` ends all of them."""

    def __init__(self, directory: Path, size: int = 3) -> None:
        login = system_login(_made(directory) / "login.json")
        placed = place_nodes(size, free_port(HOST), (), is_free=_nobody, free=lambda: free_port(HOST))
        routes = [node.route for node in placed]
        self.nodes = [NatsNode(_plan(directory, node, login, routes)) for node in placed]

    @property
    def url(self) -> str:
        """Every node's URL, for `BusSettings.nats_url`."""
        return ",".join(node.url for node in self.nodes)

    @property
    def system_url(self) -> str:
        """The same for the system account."""
        return ",".join(node.system_url for node in self.nodes)

    @property
    def ports(self) -> list[int]:
        """The client ports, by node."""
        return [node.plan.port for node in self.nodes]

    def start(self) -> None:
        """Start all; returns when there is a meta leader and every node is healthy."""
        for node in self.nodes:
            node.start()
        self.wait_ready()

    def wait_ready(self, within: float = READY_WITHIN_S) -> None:
        """Return when every node that runs is healthy and agrees on a meta leader."""
        for node in self.nodes:
            if node.running:
                node.wait_ready(within)
        give_up = time.monotonic() + within
        while self.meta_leader() is None:
            if time.monotonic() > give_up:
                raise TimeoutError(f"no meta leader within {within} s")
            time.sleep(LOOK_EVERY_S)

    def meta_leader(self) -> NatsNode | None:
        """Who leads JetStream by the account of the nodes that answer; None while there is nobody."""
        for node in self.nodes:
            said = node.asked("/jsz")[1] if node.running else None
            if said and (leader := (said.get("meta_cluster") or {}).get("leader")):
                return self.named(leader)
        return None

    def stream_leader(self, stream: str) -> NatsNode | None:
        """Who leads `stream`; None while nobody does, or nobody tells."""
        for node in self.nodes:
            said = node.asked("/jsz?streams=true")[1] if node.running else None
            for account in (said or {}).get("account_details") or ():
                for detail in account.get("stream_detail") or ():
                    if detail["name"] == stream and (leader := (detail.get("cluster") or {}).get("leader")):
                        return self.named(leader)
        return None

    def named(self, name: str) -> NatsNode:
        return next(node for node in self.nodes if node.plan.name == name)

    def stop(self) -> None:
        """End every node, frozen ones too."""
        for node in self.nodes:
            if node.running:
                node.kill()


@contextmanager
def nats_cluster(directory: Path, size: int = 3) -> Iterator[NatsCluster]:
    """A cluster that serves, for the length of the block."""
    cluster = NatsCluster(directory, size)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _plan(directory: Path, node: Node, login: Login, routes: Sequence[int]) -> ServerPlan:
    cluster = Cluster(node.route, tuple(routes))
    store = directory / node.process
    return ServerPlan(node.port, store, login, name=node.name, monitor=node.monitor, cluster=cluster)


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _nobody(port: int) -> bool:
    """The usual ports are for people; a test takes what the kernel gives."""
    return False
