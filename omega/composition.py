"""The settings of one start-up become the processes to keep alive. Nothing is started here, and nothing looked up."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bus.trust.keyring import LOCAL_OPERATOR, wallet_in
from bus.trust.rights import LOCAL, Identity, Role
from omega.embedded import Node
from omega.home import Home
from omega.ports import Wanted
from omega.services import SHIPPED, Service
from omega.supervisor.probes import announced, serves_http, serves_nats
from omega.supervisor.spec import Absent, ChildSpec
from omega.supervisor.starting import OURS

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
    nodes: tuple[Node, ...] = ()
    """The servers of an embedded cluster; none: one server, at `nats_port`."""
    more_gateways: tuple[int, ...] = ()
    """Ports of further gateways. The doors are the first one's."""
    replicas: int = 1
    """Directory processes."""
    copies: int = 1
    """Processes of each service and member, each an instance of its own."""
    doors: Mapping[str, int] = field(default_factory=lambda: {service.id: service.door for service in SHIPPED})
    """Port of each member's own door on the gateway."""
    services: bool = True
    """Whether the shipped services are started."""
    members: tuple[str, ...] = ()
    """Further members, as `module:attribute`."""
    open: bool = False
    """Whether the embedded NATS lets in whoever asks, on this machine: for trying things only."""

    tls: bool = False
    """Whether the gateway serves HTTPS: the environment names a certificate for it."""
    everybody: bool = False
    """Whether the gateway lets in whoever reaches it, beyond this machine too."""

    @property
    def guarded(self) -> bool:
        """Whether every process needs credentials of this machine's own authority."""
        return self.nats_url is None and not self.open

    @property
    def url(self) -> str:
        """Where every process finds NATS."""
        return self.nats_url or ",".join(f"nats://{LOOPBACK}:{port}" for port in self.nats_ports)

    @property
    def nats_ports(self) -> tuple[int, ...]:
        """Where the embedded servers take clients."""
        return tuple(node.port for node in self.nodes) or (self.nats_port,)

    @property
    def gateway_url(self) -> str:
        """Where people of this machine find the gateway."""
        return self.http_url(self.port)

    def http_url(self, port: int) -> str:
        """Where people of this machine find a port of the gateway."""
        return f"{'https' if self.tls else 'http'}://{self.probe_host}:{port}"

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
    # The other ports of a cluster were looked for, and are free.
    for member, port in settings.doors.items():
        yield Wanted(settings.host, port, f"door of {member}", f"--door {member}=PORT, or --no-doors")


def identities(settings: UpSettings) -> list[Identity]:
    """Who needs credentials before this start-up: its processes, and the people at this machine."""
    return [
        LOCAL_OPERATOR,
        *(_directory_identity(number) for number in range(1, settings.replicas + 1)),
        SYSTEM_IDENTITY,
        *(_gateway_identity(number) for number in range(1, len(settings.more_gateways) + 2)),
        *(_adopter_identity(copy) for copy in range(1, settings.copies + 1)),
        *(_service_identity(service) for service in SHIPPED if settings.services),
    ]


def plan(settings: UpSettings, *, nats_server: Path | None, system_url: str | None = None) -> list[ChildSpec | Absent]:
    """The processes, in the order people see them. `nats_server` is needed unless `nats_url` is set.

    `system_url` is where the directories hear the server's own events; in an open federation it holds a password.
    """
    processes: list[ChildSpec | Absent] = []
    if nats_server is not None:
        nodes = [_node(settings, nats_server, node) for node in settings.nodes]
        processes += nodes or [_nats(settings, nats_server)]
    processes += [_directory(settings, number, system_url) for number in range(1, settings.replicas + 1)]
    processes += [_gateway(settings), *_more_gateways(settings)]
    copies = range(1, settings.copies + 1)
    processes += [_adopter(settings, copy) for copy in copies]
    if settings.services:
        processes += [_service(settings, service, copy) for service in SHIPPED for copy in copies]
    named = [(place, place.replace(":", ".")) for place in settings.members]
    processes += [_member(settings, place, name, copy=copy) for place, name in named for copy in copies]
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


def _node(settings: UpSettings, binary: Path, node: Node) -> ChildSpec:
    return ChildSpec(
        name=node.process,
        command=(str(binary), "-c", str(settings.home.nats / f"{node.process}.conf")),
        stage=NATS_STAGE,
        # Not only that it listens: it found the others, and caught up with what they stored meanwhile.
        ready=serves_http(LOOPBACK, node.monitor, "/healthz"),
        url=f"nats://{LOOPBACK}:{node.port}",
        essential=True,
        ready_timeout_s=300.0,  # one that waits for the others must not be ended for it
        stop_timeout_s=20.0,
    )


def _directory(settings: UpSettings, number: int, system_url: str | None) -> ChildSpec:
    hearing = {"OMEGA_DIRECTORY_SYSTEM_URL": system_url} if system_url else {}
    if system_url and settings.guarded:
        hearing["OMEGA_DIRECTORY_SYSTEM_CREDENTIALS"] = _file(settings, SYSTEM_IDENTITY)
    return ChildSpec(
        name=_numbered("directory", number),
        command=_omega("directory"),
        environment=_environment(settings, _directory_identity(number)) | hearing,
        stage=DIRECTORY_STAGE,
        ready=announced,
    )


def _gateway(settings: UpSettings) -> ChildSpec:
    return _gateway_at(settings, settings.port, 1, settings.doors)


def _more_gateways(settings: UpSettings) -> list[ChildSpec]:
    numbered = enumerate(settings.more_gateways, start=2)
    return [_gateway_at(settings, port, number, {}) for number, port in numbered]


def _gateway_at(settings: UpSettings, port: int, number: int, doors: Mapping[str, int]) -> ChildSpec:
    by_port = {str(door): member for member, door in doors.items()}
    return ChildSpec(
        name=_numbered("gateway", number),
        command=_omega("gateway", "--host", settings.host, "--port", str(port), *_openness(settings)),
        environment=_environment(settings, _gateway_identity(number)) | {"OMEGA_GATEWAY_DOORS": json.dumps(by_port)},
        stage=GATEWAY_STAGE,
        # A probe has no certificate to show, so over TLS the process's own word counts.
        ready=announced if settings.tls else serves_http(settings.probe_host, port, "/health/ready"),
        url=settings.http_url(port),
        stop_timeout_s=15.0,
    )


def _openness(settings: UpSettings) -> tuple[str, ...]:
    return ("--open-to-the-network-without-authentication",) if settings.everybody else ()


def _adopter(settings: UpSettings, copy: int) -> ChildSpec:
    """Services of this machine may be adopted where only this machine can register any."""
    local = settings.host in (LOOPBACK, "localhost", "::1")
    name = _numbered(settings.instance, copy)
    rules = {"OMEGA_ADOPTER_NAME": name[:56], "OMEGA_ADOPTER_ALLOW_LOOPBACK": str(local).lower()}
    return ChildSpec(
        name=_numbered("adopter", copy),
        command=_omega("adopter"),
        environment=_environment(settings, _adopter_identity(copy)) | rules,
        stage=MEMBER_STAGE,
        ready=announced,
        stop_timeout_s=25.0,
    )


def _service(settings: UpSettings, service: Service, copy: int) -> ChildSpec | Absent:
    if service.missing:
        return Absent(_numbered(service.name, copy), service.remedy)
    door = settings.doors.get(service.id) if copy == 1 else None
    url = settings.http_url(door) if door else ""
    spec = _member(settings, service.name, service.name, url=url, copy=copy)
    return replace(spec, environment={**spec.environment, **_proof(settings, _service_identity(service))})


def _member(settings: UpSettings, place: str, name: str, *, url: str = "", copy: int = 1) -> ChildSpec:
    return ChildSpec(
        name=_numbered(name, copy),
        command=_omega("member", place),
        environment=_environment(settings) | {"OMEGA_MEMBER_INSTANCE": _numbered(settings.instance, copy)},
        stage=MEMBER_STAGE,
        ready=announced,
        url=url,
        stop_timeout_s=25.0,  # a member finishes the calls in flight
    )


def _numbered(name: str, number: int) -> str:
    """The first of several is called as if it were alone."""
    return name if number == 1 else f"{name}-{number}"


def _omega(*arguments: str) -> tuple[str, ...]:
    return (*OURS, *arguments)


def _environment(settings: UpSettings, identity: Identity | None = None) -> dict[str, str]:
    common = {"OMEGA_NATS_URL": settings.url, "OMEGA_PREFIX": settings.prefix}
    if settings.nodes:
        common["OMEGA_REPLICAS"] = str(len(settings.nodes))
    return common | _proof(settings, identity)


def _proof(settings: UpSettings, identity: Identity | None) -> dict[str, str]:
    """What a process proves itself with; one whose member id is not known here finds it by itself."""
    if settings.nats_url is not None:
        return {}
    if settings.open:
        return {"OMEGA_TRUST": str(settings.home.run / "open")}  # nothing is there
    named = {"OMEGA_CREDENTIALS": _file(settings, identity)} if identity is not None else {}
    return {"OMEGA_TRUST": str(settings.home.trust)} | named


def _file(settings: UpSettings, identity: Identity) -> str:
    return str(wallet_in(settings.home.trust).path(identity))


SYSTEM_IDENTITY = Identity(Role.SYSTEM, "directories")


def _directory_identity(number: int) -> Identity:
    return Identity(Role.DIRECTORY, _numbered(LOCAL, number))


def _gateway_identity(number: int) -> Identity:
    return Identity(Role.GATEWAY, _numbered(LOCAL, number))


def _adopter_identity(copy: int) -> Identity:
    return Identity(Role.ADOPTER, _numbered(LOCAL, copy))


def _service_identity(service: Service) -> Identity:
    return Identity(Role.READING_MEMBER if service.reads_others else Role.MEMBER, service.id)
