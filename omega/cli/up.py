"""`up`: a federation on this machine, in the foreground with a live view, or in the background."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from omega.cli.output import note, show
from omega.cli.view import Headline, LiveView, PlainView, process_table
from omega.composition import GATEWAY_PORT, LOOPBACK, NATS_PORT, UpSettings
from omega.handshake import Exit
from omega.home import home_from
from omega.ports import free_port
from omega.running import prepare, run, run_in_background
from omega.services import SHIPPED, shipped
from omega.state import RunState, read_state
from omega.trouble import AlreadyRunning, CannotStart, WrongUse

READY_WITHIN_S = 120.0
LOOK_EVERY_S = 0.1

Many = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)]


async def up(
    *,
    detach: Annotated[bool, Parameter(name=["--detach", "-d"], negative="")] = False,
    host: Annotated[str, Parameter(env_var="OMEGA_GATEWAY_HOST")] = LOOPBACK,
    port: Annotated[int, Parameter(env_var="OMEGA_GATEWAY_PORT")] = GATEWAY_PORT,
    nats_port: Annotated[int, Parameter(env_var="OMEGA_NATS_PORT")] = NATS_PORT,
    nats: str | None = None,
    prefix: Annotated[str, Parameter(env_var="OMEGA_PREFIX")] = "omega",
    replicas: int = 1,
    services: bool = True,
    member: Many = (),
    door: Many = (),
    doors: bool = True,
) -> int:
    """Start a federation: NATS, directory, gateway and services, kept alive.

    Each is a process of its own, started again when it ends, and all of them end with this one. Data, logs and state
    are in $OMEGA_HOME (~/.local/state/omega). A port of 0 takes a free one.

    Parameters
    ----------
    detach
        In the background: return when everything is ready.
    host
        Address of the gateway and its doors. Anything but loopback lets the network in, without a login.
    port
        Port of the gateway.
    nats_port
        Port of the embedded NATS, on loopback.
    nats
        Use the NATS at this URL, and start none.
    prefix
        First word of every subject; two prefixes on one NATS are two federations.
    replicas
        Directory processes; each alone can answer everything.
    services
        Start the shipped services.
    member
        A member of yours to keep alive too, as module:attribute; several times for several.
    door
        Another port for a member's own door, as ID=PORT; several times for several.
    doors
        Open the doors (code_analyzer_fastmcp on 9501, data_validator_fastmcp on 9502, image_service_fastmcp on 9503).
    """
    if replicas < 1:
        raise WrongUse("--replicas: at least 1")
    settings = UpSettings(
        home=home_from(os.environ),
        host=host,
        port=port or free_port(host),
        nats_port=nats_port or free_port(LOOPBACK),
        nats_url=nats,
        prefix=prefix,
        replicas=replicas,
        doors=read_doors(door, host) if doors else {},
        services=services,
        members=member,
    )
    return await (_background(settings) if detach else _foreground(settings))


def read_doors(words: Sequence[str], host: str) -> dict[str, int]:
    """The documented doors, with those of `words` (`ID=PORT` each) moved or added. Raises WrongUse."""
    doors = {service.id: service.door for service in SHIPPED}
    for word in words:
        name, equals, number = word.partition("=")
        if not equals or not number.isdigit() or int(number) > 65_535:
            raise WrongUse(f"--door {word}: ID=PORT, such as {SHIPPED[0].id}=9601")
        service = shipped(name)
        doors[service.id if service else name] = int(number) or free_port(host)
    return doors


async def _foreground(settings: UpSettings) -> int:
    console = Console(highlight=False)
    if not console.is_terminal or console.is_dumb_terminal:
        await run(settings, [PlainView()], os.environ)
        return Exit.OK
    headline = Headline(settings.gateway_url, settings.url, str(settings.home.root))
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
    return _report(state)


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


def _report(state: RunState) -> int:
    show(process_table(state.processes, time.time()))
    if state.ready:
        note(f"\nup: {state.gateway_url}   (omega ls, omega logs -f, omega down)")
        return Exit.OK
    note("\nnot everything is ready: omega status, omega logs NAME")
    return Exit.UNAVAILABLE


def _last_words(text: str) -> list[str]:
    """What the supervisor said last, without the prefix it already carries."""
    lines = [line.removeprefix("omega: ") for line in text.splitlines() if line.startswith("omega: ")]
    return lines or text.splitlines()[-10:] or ["the supervisor ended without a word"]
