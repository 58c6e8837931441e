"""One run of `omega up`: what is prepared before the processes start, written down while they run, undone after."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bus import BusSettings
from bus.trust.credentials import write_secret
from bus.trust.keyring import LOCAL_OPERATOR, wallet_in
from omega.composition import LOOPBACK, UpSettings, identities, plan, wanted_ports
from omega.embedded import (
    SYSTEM_USER,
    Access,
    Cluster,
    Included,
    Login,
    Node,
    ServerPlan,
    configuration,
    find_server,
    read_nodes,
    system_login,
    write_nodes,
)
from omega.handshake import RUN_ID
from omega.home import Home
from omega.ports import Taken, look
from omega.state import ProcessState, RunState, own_creation_time, read_state, supervised, write_state
from omega.supervisor import Fleet, Listener
from omega.supervisor.forking import forking
from omega.supervisor.orphans import end_orphans
from omega.trouble import AlreadyRunning, CannotStart
from omega.trust import Deployment, Way

CONTEXT = "omega"


def prepare(settings: UpSettings) -> Path | None:
    """Make the run directory and look for what could be in the way. Returns the nats-server to run, if one is.

    Ends what a killed supervisor left behind. Raises CannotStart, AlreadyRunning, NoServer.
    """
    home = settings.home
    try:
        home.create()
    except OSError as exc:
        raise CannotStart(f"cannot write to {home.root}: {exc.strerror}; set OMEGA_HOME") from exc
    if left := read_state(home.state_file):
        if supervised(left):
            raise AlreadyRunning(f"already up, pid {left.pid}: {left.gateway_url}")
        end_orphans(left.run_id)
        home.state_file.unlink(missing_ok=True)
    if taken := taken_ports(settings):
        raise CannotStart(*(port.text for port in taken))
    _refuse_another_size(settings)
    return find_server().path if settings.nats_url is None else None


def taken_ports(settings: UpSettings) -> list[Taken]:
    """The wanted ports that cannot be had. Raises CannotStart: a host that is not of this machine."""
    try:
        return [taken for wanted in wanted_ports(settings) if (taken := look(wanted))]
    except OSError as exc:
        raise CannotStart(f"cannot listen on {settings.host}: {exc.strerror or exc}") from exc


async def run(settings: UpSettings, listeners: Sequence[Listener], environment: Mapping[str, str]) -> None:
    """Start everything, keep it alive until SIGINT, SIGTERM or SIGHUP, end everything.

    Raises CannotStart, AlreadyRunning, NoServer, StartFailed.
    """
    with _alone(settings.home):
        nats_server = prepare(settings)
        system_url = write_nats_configuration(settings) if nats_server is not None else None
        state = StateKeeper(settings)
        own = {**environment, RUN_ID: state.run_id}
        async with forking(own, settings.home.log("forking")) as start:
            fleet = Fleet(
                plan(settings, nats_server=nats_server, system_url=system_url),
                environment=own,
                log_path=settings.home.log,
                listeners=(state, *listeners),
                start=start,
            )
            _stop_on_signal(fleet, state)
            try:
                await fleet.run()
            finally:
                settings.home.state_file.unlink(missing_ok=True)


def write_nats_configuration(settings: UpSettings) -> str:
    """The configuration of every embedded server, readable by its owner alone, and the credentials of every process.

    Returns the URLs of their system account, in an open federation with its password. Raises OSError, BadCredentials.
    """
    home = settings.home
    login = system_login(home.nats / "login.json")
    access = None
    if settings.guarded:
        write_secret(home.access_file, vouched(settings).text())
        access = Included(home.access_file.name)
    if settings.nodes:
        write_nodes(home.nodes_file, settings.nodes)
    for name, server in _servers(settings, login):
        write_secret(home.nats / f"{name}.conf", configuration(replace(server, access=access)))
    write_context(settings)
    user = f"{SYSTEM_USER}:{login.system}@" if settings.open else ""
    return ",".join(f"nats://{user}{LOOPBACK}:{port}" for port in settings.nats_ports)


def vouched(settings: UpSettings) -> Access:
    """What the servers are told; everybody of this start-up has credentials afterwards.

    The authority is made at the first start. Raises OSError, BadCredentials.
    """
    trust, now = settings.home.trust, int(time.time())
    deployment = Deployment.create(trust, BusSettings(prefix=settings.prefix, trust=trust))
    if deployment.way is not Way.TOKENS:
        raise CannotStart(f"{trust} is for servers of your own, which know by {deployment.way}: set OMEGA_HOME")
    for identity in identities(settings):
        deployment.supply(identity, now)
    return deployment.access(now)


def write_context(settings: UpSettings) -> None:
    """How the stock `nats` command gets in, as an operator. Raises OSError."""
    told = {"description": "OMEGA Federation on this machine", "url": settings.url}
    if settings.guarded:
        told["creds"] = str(wallet_in(settings.home.trust).path(LOCAL_OPERATOR))
    write_secret(settings.home.client / "nats" / "context" / f"{CONTEXT}.json", json.dumps(told, indent=2) + "\n")


def nats_command(settings: UpSettings) -> str:
    """The line that listens to everything with the stock `nats` command."""
    return f"XDG_CONFIG_HOME={settings.home.client} nats --context {CONTEXT} sub '{settings.prefix}.>'"


def _servers(settings: UpSettings, login: Login) -> Iterator[tuple[str, ServerPlan]]:
    """Each embedded server, by the name of its process."""
    if not settings.nodes:
        yield "nats", ServerPlan(settings.nats_port, settings.home.root, login)
    for node in settings.nodes:
        yield node.process, _node_plan(settings, node, login)


def _node_plan(settings: UpSettings, node: Node, login: Login) -> ServerPlan:
    return ServerPlan(
        node.port,
        settings.home.nodes / node.name,
        login,
        name=node.name,
        monitor=node.monitor,
        cluster=Cluster(node.route, tuple(other.route for other in settings.nodes)),
    )


def _refuse_another_size(settings: UpSettings) -> None:
    """What a cluster stored is on as many servers as it had; with fewer it may not be whole."""
    kept = len(read_nodes(settings.home.nodes_file))
    if settings.nodes and kept not in (0, len(settings.nodes)):
        raise CannotStart(
            f"{settings.home.root} holds the data of a cluster of {kept}: omega up --cluster {kept}, "
            "another OMEGA_HOME, or omega down --clean to delete it"
        )


def run_in_background(settings: UpSettings, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start `omega up` with these settings as a process of its own, detached from terminal and session.

    What it prints goes to `supervisor.log` in the run directory.
    """
    with settings.home.log("supervisor").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "omega", "up", *arguments(settings)],
            env={**environment, "OMEGA_HOME": str(settings.home.root)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def arguments(settings: UpSettings) -> list[str]:
    """The command line of `omega up` that means `settings`, the run directory apart."""
    nats = ["--nats", settings.nats_url] if settings.nats_url else ["--nats-port", str(settings.nats_port)]
    words = ["--open"] if settings.open else []
    words += ["--open-to-the-network-without-authentication"] if settings.everybody else []
    words += ["--host", settings.host, "--port", str(settings.port), *nats, "--prefix", settings.prefix]
    words += ["--replicas", str(settings.replicas), "--cluster", str(len(settings.nodes) or 1)]
    for member, port in settings.doors.items():
        words += ["--door", f"{member}={port}"]
    for place in settings.members:
        words += ["--member", place]
    return words + ([] if settings.doors else ["--no-doors"]) + ([] if settings.services else ["--no-services"])


class StateKeeper:
    """Writes the state file at every change."""

    def __init__(self, settings: UpSettings) -> None:
        self.run_id = secrets.token_hex(8)
        self._path = settings.home.state_file
        self._state = RunState(
            run_id=self.run_id,
            pid=os.getpid(),
            created=own_creation_time(),
            nats_url=settings.url,
            gateway_url=settings.gateway_url,
            prefix=settings.prefix,
        )

    def changed(self, processes: Sequence[ProcessState]) -> None:
        """Write it."""
        self._state = replace(self._state, processes=tuple(processes))
        write_state(self._path, self._state)

    def stopping(self) -> None:
        """Say that the run is being ended."""
        self._state = replace(self._state, stopping=True)
        write_state(self._path, self._state)

    def said(self, process: str, data: bytes) -> None:
        """Nothing of it is kept here."""


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Hold the run directory. The kernel lets go of it however this process ends. Raises AlreadyRunning."""
    home.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    with home.lock_file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise AlreadyRunning(f"already up (run directory {home.root})") from exc
        yield


def _stop_on_signal(fleet: Fleet, state: StateKeeper) -> None:
    def stop() -> None:
        state.stopping()
        fleet.stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
