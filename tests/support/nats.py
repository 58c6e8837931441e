"""A real nats-server for a test: its own port, its own store, known to be ready before the test begins."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BINARY = Path(sys.executable).parent / "nats-server"

CONFIG = """
listen: "127.0.0.1:{port}"
server_name: test
ports_file_dir: "{directory}"
ping_interval: "20s"
ping_max: 2
max_payload: 1MB
jetstream {{ store_dir: "{directory}/store", sync_interval: {sync} }}
feature_flags {{ js_ack_fc_v2: false }}
accounts {{
  MAIN {{ jetstream: enabled, users: [ {{ user: everyone, password: open }} ] }}
  SYS {{ users: [ {{ user: system, password: hears-all }} ] }}
}}
system_account: SYS
no_auth_user: everyone
"""


class NatsServer:
    """One nats-server process; `restart` keeps its port and its store."""

    def __init__(self, directory: Path, *, sync: str = "always", config: str = CONFIG) -> None:
        self._directory = directory
        self.config = config
        self._sync = sync
        self._port = -1
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    @property
    def system_url(self) -> str:
        """Of the account that hears the server's own events."""
        return f"nats://system:hears-all@127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        config = self._write_config()
        with (self._directory / "nats.log").open("ab") as log:
            self._process = subprocess.Popen([str(BINARY), "-c", str(config)], stdout=log, stderr=log)
        self._port = self._wait_for_port()

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(10)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)  # the signal is only on its way when `kill` returns

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def reload(self, config: str) -> None:
        """Another configuration, taken up while running."""
        self.config = config
        self._write_config()
        os.kill(self.pid, signal.SIGHUP)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _write_config(self) -> Path:
        config = self._directory / "nats.conf"
        config.write_text(self.config.format(port=self._port, directory=self._directory, sync=self._sync))
        return config

    def _wait_for_port(self) -> int:
        ports = self._directory / f"nats-server_{self.pid}.ports"
        give_up = time.monotonic() + 10
        while time.monotonic() < give_up:
            if ports.exists() and (text := ports.read_text()):
                return int(json.loads(text)["nats"][0].rpartition(":")[2])
            time.sleep(0.01)
        raise TimeoutError((self._directory / "nats.log").read_text())


@contextmanager
def running_server(directory: Path) -> Iterator[NatsServer]:
    """A nats-server with JetStream in that folder, which is made, for the length of the block."""
    directory.mkdir()
    server = NatsServer(directory)
    server.start()
    try:
        yield server
    finally:
        server.stop()


async def until(condition: object, *, within: float = 5.0, what: str = "") -> None:
    """Return when `condition()` (sync or async) is true; fail after `within` seconds."""
    give_up = asyncio.get_running_loop().time() + within
    while True:
        result = condition()  # type: ignore[operator]
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return
        assert asyncio.get_running_loop().time() < give_up, f"not within {within} s: {what or condition}"
        await asyncio.sleep(0.01)
