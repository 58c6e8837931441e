"""The settings of one start-up become the processes to keep alive. Nothing is started here, and nothing looked up."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from omega.home import Home
from omega.ports import Wanted
from omega.services import SHIPPED, Service
from omega.supervisor.probes import announced, serves_http, serves_nats
from omega.supervisor.spec import Absent, ChildSpec

NATS_PORT = 4222
GATEWAY_PORT = 9405
LOOPBACK = "127.0.0.1"

NATS_STAGE, DIRECTORY_STAGE, GATEWAY_STAGE, MEMBER_STAGE = range(4)


@dataclass(frozen=True, slots=True)
class UpSettings:
    """What one `omega up` was asked for."""

    home: Home
    host: str = LOOPBACK
    port: int = GATEWAY_PORT
    nats_port: int = NATS_PORT
    nats_url: str | None = None
    """A NATS of somebody else to use in place of an embedded one."""
    prefix: str = "omega"
    replicas: int = 1
    """Directory processes."""
    doors: Mapping[str, int] = field(default_factory=lambda: {service.id: service.door for service in SHIPPED})
    """Port of each member's own door on the gateway."""
    services: bool = True
    """Whether the shipped services are started."""
    members: tuple[str, ...] = ()
    """Further members, as `module:attribute`."""

    @property
    def url(self) -> str:
        """Where every process finds NATS."""
        return self.nats_url or f"nats://{LOOPBACK}:{self.nats_port}"

    @property
    def gateway_url(self) -> str:
        """Where people of this machine find the gateway."""
        return f"http://{self.probe_host}:{self.port}"

    @property
    def probe_host(self) -> str:
        """An address of this machine under which the gateway answers."""
        return LOOPBACK if self.host in ("0.0.0.0", "::", "localhost") else self.host

    @property
    def instance(self) -> str:
        """Instance name of the members of this run: the same after a restart, another for another home or machine."""
        machine = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())[:40] or "local"
        return f"{machine}-{hashlib.sha256(str(self.home.root).encode()).hexdigest()[:6]}"


def wanted_ports(settings: UpSettings) -> Iterator[Wanted]:
    """Every port this start-up will listen on."""
    if settings.nats_url is None:
        yield Wanted(LOOPBACK, settings.nats_port, "nats", "--nats-port PORT, or use that server: --nats URL")
    yield Wanted(settings.host, settings.port, "gateway", "--port PORT")
    for member, port in settings.doors.items():
        yield Wanted(settings.host, port, f"door of {member}", f"--door {member}=PORT, or --no-doors")


def plan(settings: UpSettings, *, nats_server: Path | None, system_url: str | None = None) -> list[ChildSpec | Absent]:
    """The processes, in the order people see them. `nats_server` is needed unless `nats_url` is set.

    `system_url` is where the directories hear the server's own events; it holds a password.
    """
    processes: list[ChildSpec | Absent] = []
    if nats_server is not None:
        processes.append(_nats(settings, nats_server))
    processes += [_directory(settings, number, system_url) for number in range(1, settings.replicas + 1)]
    processes.append(_gateway(settings))
    processes.append(_adopter(settings))
    if settings.services:
        processes += [_service(settings, service) for service in SHIPPED]
    processes += [_member(settings, place, place.replace(":", ".")) for place in settings.members]
    return processes


def _nats(settings: UpSettings, binary: Path) -> ChildSpec:
    return ChildSpec(
        name="nats",
        command=(str(binary), "-c", str(settings.home.nats / "nats.conf")),
        stage=NATS_STAGE,
        ready=serves_nats(LOOPBACK, settings.nats_port),
        url=settings.url,
        essential=True,
        ready_timeout_s=60.0,  # it reads back what it stored before it greets anybody
    )


def _directory(settings: UpSettings, number: int, system_url: str | None) -> ChildSpec:
    hearing = {"OMEGA_DIRECTORY_SYSTEM_URL": system_url} if system_url else {}
    return ChildSpec(
        name="directory" if number == 1 else f"directory-{number}",
        command=_omega("directory"),
        environment=_environment(settings) | hearing,
        stage=DIRECTORY_STAGE,
        ready=announced,
    )


def _gateway(settings: UpSettings) -> ChildSpec:
    doors = {str(port): member for member, port in settings.doors.items()}
    return ChildSpec(
        name="gateway",
        command=_omega("gateway", "--host", settings.host, "--port", str(settings.port)),
        environment=_environment(settings) | {"OMEGA_GATEWAY_DOORS": json.dumps(doors)},
        stage=GATEWAY_STAGE,
        ready=serves_http(settings.probe_host, settings.port, "/health/ready"),
        url=settings.gateway_url,
        stop_timeout_s=15.0,
    )


def _adopter(settings: UpSettings) -> ChildSpec:
    """Services of this machine may be adopted where only this machine can register any."""
    local = settings.host in (LOOPBACK, "localhost", "::1")
    rules = {"OMEGA_ADOPTER_NAME": settings.instance[:56], "OMEGA_ADOPTER_ALLOW_LOOPBACK": str(local).lower()}
    return ChildSpec(
        name="adopter",
        command=_omega("adopter"),
        environment=_environment(settings) | rules,
        stage=MEMBER_STAGE,
        ready=announced,
        stop_timeout_s=25.0,
    )


def _service(settings: UpSettings, service: Service) -> ChildSpec | Absent:
    if service.missing:
        return Absent(service.name, service.remedy)
    door = settings.doors.get(service.id)
    url = f"http://{settings.probe_host}:{door}" if door else ""
    return _member(settings, service.name, service.name, url=url)


def _member(settings: UpSettings, place: str, name: str, *, url: str = "") -> ChildSpec:
    return ChildSpec(
        name=name,
        command=_omega("member", place),
        environment=_environment(settings) | {"OMEGA_MEMBER_INSTANCE": settings.instance},
        stage=MEMBER_STAGE,
        ready=announced,
        url=url,
        stop_timeout_s=25.0,  # a member finishes the calls in flight
    )


def _omega(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "omega", *arguments)


def _environment(settings: UpSettings) -> dict[str, str]:
    return {"OMEGA_NATS_URL": settings.url, "OMEGA_PREFIX": settings.prefix}
