"""`up`: a federation on this machine, in the foreground with a live view, or in the background."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from gateway import AccessSettings, Unprotected, asks
from omega.cli.errors import naming_errors
from omega.cli.output import note, show
from omega.cli.view import Headline, LiveView, PlainView, process_table
from omega.composition import GATEWAY_PORT, LOOPBACK, NATS_PORT, UpSettings
from omega.embedded import CLUSTER_SIZES, Node, place_nodes, read_nodes
from omega.handshake import Exit
from omega.home import home_from
from omega.ports import Wanted, free_port, look
from omega.running import nats_command, prepare, run, run_in_background
from omega.services import SHIPPED, shipped
from omega.state import RunState, read_state
from omega.trouble import AlreadyRunning, CannotStart, WrongUse

READY_WITHIN_S = 120.0
LOOK_EVERY_S = 0.1
MAX_PORT = 65_535

Many = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Served:
    """Which members run, and where each has a door."""

    services: bool = True
    """Start the shipped services."""

    member: Many = ()
    """A member of yours to keep alive too, as module:attribute; several times for several."""

    door: Many = ()
    """Another port for a member's own door, as ID=PORT; several times for several."""

    doors: bool = True
    """Open the doors (code_analyzer_fastmcp on 9501, data_validator_fastmcp on 9502, image_service_fastmcp on 9503)."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Face:
    """Where the gateway is reached, and by whom."""

    host: Annotated[str, Parameter(env_var="OMEGA_GATEWAY_HOST")] = LOOPBACK
    """Address of the gateway and its doors. Anything but loopback lets the network in, and wants authentication."""

    port: Annotated[int, Parameter(env_var="OMEGA_GATEWAY_PORT")] = GATEWAY_PORT
    """Port of the gateway."""

    open_to_the_network_without_authentication: Annotated[bool, Parameter(negative="")] = False
    """Listen beyond loopback and ask nobody who it is: everyone on that network may do everything."""


async def up(
    *,
    detach: Annotated[bool, Parameter(name=["--detach", "-d"], negative="")] = False,
    face: Face | None = None,
    nats_port: Annotated[int, Parameter(env_var="OMEGA_NATS_PORT")] = NATS_PORT,
    nats: str | None = None,
    prefix: Annotated[str, Parameter(env_var="OMEGA_PREFIX")] = "omega",
    cluster: int = 1,
    replicas: int = 1,
    served: Served | None = None,
    open: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Start a federation: NATS, directory, gateway and services, kept alive.

    Each is a process of its own, started again when it ends, and all of them end with this one. Data, logs and state
    are in $OMEGA_HOME (~/.local/state/omega). A port of 0 takes a free one.

    Parameters
    ----------
    detach
        In the background: return when everything is ready.
    nats_port
        Port of the embedded NATS, on loopback.
    nats
        Use the NATS at this URL, and start none.
    prefix
        First word of every subject; two prefixes on one NATS are two federations.
    cluster
        NATS servers: 3 or 5 make a cluster of this one machine, for trying what a real one does when a server dies,
        with two of each process and every stream on each server. Their data is not that of a single server.
    replicas
        Directory processes; each alone can answer everything.
    open
        Let every program of this machine onto the bus, as whoever it says it is. For trying things only: otherwise each
        has credentials, made at the first start, and may do what its role needs.
    """
    if replicas < 1:
        raise WrongUse("--replicas: at least 1")
    served, face = served or Served(), face or Face()
    access = _access(face)
    settings = UpSettings(
        home=home_from(os.environ),
        host=face.host,
        port=face.port or free_port(face.host),
        nats_port=nats_port or free_port(LOOPBACK),
        nats_url=nats,
        prefix=prefix,
        replicas=replicas,
        doors=read_doors(served.door, face.host) if served.doors else {},
        services=served.services,
        members=served.member,
        open=open,
        tls=access.tls_cert is not None,
        everybody=access.open_to_the_network_without_authentication,
    )
    _warn_of_open(settings)
    settings = clustered(settings, cluster)
    _tell_of_other_data(settings)
    return await (_background(settings) if detach else _foreground(settings))


def _access(face: Face) -> AccessSettings:
    """Who may come in by HTTP, as flag and environment say. Raises CannotStart: everybody, and nobody said so."""
    told: dict[str, Any] = {"open_to_the_network_without_authentication": True}
    with naming_errors():
        access = AccessSettings(**(told if face.open_to_the_network_without_authentication else {}))
    try:
        asks(access, face.host)
    except Unprotected as exc:
        raise CannotStart(str(exc)) from exc
    return access


def _warn_of_open(settings: UpSettings) -> None:
    if not settings.open:
        return
    if settings.nats_url is not None:
        raise WrongUse("--open is about an embedded NATS, --nats uses another: one of them")
    note("open: every program of this machine may register, call and listen as anybody; do not keep it so")


def clustered(settings: UpSettings, size: int) -> UpSettings:
    """The same start with `size` NATS servers and two of each process; as it is for one. Raises WrongUse."""
    if size not in CLUSTER_SIZES:
        raise WrongUse(f"--cluster {size}: 1, 3 or 5; an even number bears no more losses than the odd one below it")
    if size == 1:
        return settings
    if settings.nats_url is not None:
        raise WrongUse("--cluster starts NATS servers, --nats uses others: one of them")
    return replace(
        settings,
        nodes=_nodes(settings, size),
        more_gateways=(second_port(settings),),
        replicas=max(settings.replicas, 2),
        copies=2,
    )


def _tell_of_other_data(settings: UpSettings) -> None:
    """A cluster and a single server do not share their data, which would look like a loss to who does not know."""
    home = settings.home
    single, several = home.jetstream.is_dir() and any(home.jetstream.iterdir()), bool(read_nodes(home.nodes_file))
    if settings.nodes and single and not several:
        note("a cluster has data of its own; to carry over those of the single server: omega backup, omega restore")
    if not settings.nodes and not settings.nats_url and several and not single:
        note("a single server has data of its own; those of the cluster are there again with --cluster")


def _nodes(settings: UpSettings, size: int) -> tuple[Node, ...]:
    kept = read_nodes(settings.home.nodes_file)
    return place_nodes(size, settings.nats_port, kept, is_free=_is_free, free=lambda: free_port(LOOPBACK))


def _is_free(port: int) -> bool:
    return port <= MAX_PORT and look(Wanted(LOOPBACK, port, "nats", "")) is None


def second_port(settings: UpSettings) -> int:
    """Of the second gateway: the next one where that is free, else any."""
    beside = Wanted(settings.host, settings.port + 1, "gateway-2", "")
    used = (*settings.doors.values(), *settings.nats_ports)
    free = beside.port <= MAX_PORT and beside.port not in used and look(beside) is None
    return beside.port if free else free_port(settings.host)


def read_doors(words: Sequence[str], host: str) -> dict[str, int]:
    """The documented doors, with those of `words` (`ID=PORT` each) moved or added. Raises WrongUse."""
    doors = {service.id: service.door for service in SHIPPED}
    for word in words:
        name, equals, number = word.partition("=")
        if not equals or not number.isdigit() or int(number) > MAX_PORT:
            raise WrongUse(f"--door {word}: ID=PORT, such as {SHIPPED[0].id}=9601")
        service = shipped(name)
        doors[service.id if service else name] = int(number) or free_port(host)
    return doors


async def _foreground(settings: UpSettings) -> int:
    console = Console(highlight=False)
    if not console.is_terminal or console.is_dumb_terminal:
        if settings.nats_url is None:
            note(f"bus: {nats_command(settings)}")
        await run(settings, [PlainView()], os.environ)
        return Exit.OK
    listen = nats_command(settings) if settings.nats_url is None else ""
    headline = Headline(settings.gateway_url, settings.url, str(settings.home.root), listen)
    prepare(settings)
    view = LiveView(console, headline)
    async with view.drawing():
        await run(settings, [view], os.environ)
    note(f"ended; its data stays in {settings.home.root}")
    return Exit.OK


async def _background(settings: UpSettings) -> int:
    try:
        prepare(settings)
    except AlreadyRunning as exc:
        note(str(exc))
        return Exit.OK
    log = settings.home.log("supervisor")
    begin = log.stat().st_size if log.exists() else 0
    process = run_in_background(settings, os.environ)
    state = _follow(process, settings)
    if state is None:
        with log.open("rb") as file:
            file.seek(begin)
            raise CannotStart(*_last_words(file.read().decode("utf-8", "replace")))
    return _report(state, settings)


def _follow(process: subprocess.Popen[bytes], settings: UpSettings) -> RunState | None:
    """Tell what becomes ready until all is. None: the supervisor ended."""
    view = PlainView()
    state: RunState | None = None
    give_up = time.monotonic() + READY_WITHIN_S
    while process.poll() is None and time.monotonic() < give_up:
        state = read_state(settings.home.state_file)
        if state is not None and state.pid == process.pid:
            view.changed(state.processes)
            if state.settled:
                break
        time.sleep(LOOK_EVERY_S)
    return state if process.poll() is None else None


def _report(state: RunState, settings: UpSettings) -> int:
    show(process_table(state.processes, time.time()))
    if state.ready:
        note(f"\nup: {state.gateway_url}   (omega ls, omega logs -f, omega down)")
        if settings.nats_url is None:
            note(f"bus: {nats_command(settings)}")
        return Exit.OK
    note("\nnot everything is ready: omega status, omega logs NAME")
    return Exit.UNAVAILABLE


def _last_words(text: str) -> list[str]:
    """What the supervisor said last, without the prefix it already carries."""
    lines = [line.removeprefix("omega: ") for line in text.splitlines() if line.startswith("omega: ")]
    return lines or text.splitlines()[-10:] or ["the supervisor ended without a word"]
