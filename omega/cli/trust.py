"""`trust`: a deployment's authority, the credentials it issues, and their end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated

import structlog
from cyclopts import App, Parameter

from bus import BusSettings
from bus.messages import EventKind
from bus.trail import Trail, rfc3339
from bus.trust.credentials import write_secret
from bus.trust.rights import LOCAL, Role, checked_identity
from omega.cli.errors import naming_errors
from omega.cli.options import Json
from omega.cli.output import note, show, show_json
from omega.cli.tables import plain_table
from omega.cli.words import shown
from omega.home import Home, home_from
from omega.processes.life import connected, set_up_logs
from omega.state import running
from omega.trouble import Trouble, WrongUse
from omega.trust import Deployment, Issued, Way

trust = App(
    name="trust", help="Say who is who on the bus: issue credentials, list them, end them.", default_parameter=None
)

Flag = Annotated[bool, Parameter(negative="")]
Days = Annotated[float | None, Parameter(name="--days")]

log = structlog.get_logger(__name__)


@trust.command
def init(*, way: Way = Way.TOKENS) -> None:
    """Make this deployment's authority, in $OMEGA_HOME/trust. `omega up` does it by itself.

    Parameters
    ----------
    way
        How NATS servers know who is who: tokens (for many members, and several sites), keys or certificates (listed in
        the configuration of the servers of one site).
    """
    folder = _folder()
    with naming_errors():
        made = Deployment.create(folder, _settings())
    show(
        shown(f"{folder}: {made.way}. Whoever can read it is this deployment: keep it on one machine, and back it up.")
    )


@trust.command
async def member(
    id: str, /, *, reads_others: Annotated[bool, Parameter(negative="")] = False, days: Days = None
) -> None:
    """Issue credentials to a member: it may announce, heartbeat, leave and answer as that id, and nothing else.

    Parameters
    ----------
    reads_others
        Its tools may also read resources of other members.
    days
        How long they hold. Unset: certificates 90 days, others until they are revoked.
    """
    await _issue(Role.READING_MEMBER if reads_others else Role.MEMBER, id, days)


@trust.command
async def operator(name: str, /, *, days: Days = None) -> None:
    """Issue credentials to a person who may do everything."""
    await _issue(Role.OPERATOR, name, days)


def _issuing(role: Role) -> Callable[..., Awaitable[None]]:
    async def issue(name: str = LOCAL, /, *, days: Days = None) -> None:
        await _issue(role, name, days)

    return issue


_OTHERS = {
    Role.GATEWAY: "Issue credentials to a gateway: it may call every member and ask directories.",
    Role.DIRECTORY: "Issue credentials to a directory: it may write the registry.",
    Role.ADOPTER: "Issue credentials to an adopter: it may stand for any member.",
    Role.CLIENT: "Issue credentials to a program that calls tools straight from the bus.",
    Role.OBSERVER: "Issue credentials to somebody who listens to presence and events.",
    Role.SYSTEM: "Issue credentials for the servers' own events, which tell directories who is gone.",
}

for _role, _help in _OTHERS.items():
    trust.command(_issuing(_role), name=_role.value, help=_help)


@trust.command(name="list")
def list_(*, all: Flag = False, json: Json = False) -> None:
    """List what was issued and holds.

    Parameters
    ----------
    all
        What holds no more, too.
    """
    now = int(time.time())
    with naming_errors():
        found = [one for one in _deployment().issued() if all or one.holds(now)]
    if json:
        show_json([_as_json(one) for one in found])
        return
    table = plain_table("IDENTITY", "KEY", "ISSUED", "EXPIRES", *(["REVOKED"] if all else []))
    for one in found:
        when = [_day(one.at), _day(one.expires), *([_day(one.revoked)] if all else [])]
        table.add_row(str(one.identity), f"{one.public[:12]}…", *when)
    show(table)


@trust.command
async def revoke(identity: str, /, *, older: Flag = False) -> None:
    """End what an identity holds, at once: its connections are cut.

    Parameters
    ----------
    identity
        As `omega trust list` shows it, such as member/my_service.
    older
        Keep what it got last: the end of a rotation.
    """
    role, _, name = identity.partition("/")
    with naming_errors():
        ended = _deployment().revoke(checked_identity(role, name), int(time.time()), but_newest=older)
    if not ended:
        raise Trouble(f"{identity}: holds nothing that could be ended; omega trust list")
    show(shown(f"{identity}: {len(ended)} ended"))
    await _servers_told(ended, "revoked")


@trust.command
def server(*, host: Sequence[str] = (), days: float = 90.0) -> None:
    """Write what your NATS servers must be told, to $OMEGA_HOME/trust/server.conf: `include` it, and reload them.

    Parameters
    ----------
    host
        Names and addresses by which servers are dialled, for their certificate; several times for several.
    days
        How long that certificate holds.
    """
    with naming_errors():
        deployment = _deployment()
        if deployment.way is Way.CERTIFICATES and host:
            deployment.certify_server(host, days)
        path = _folder() / "server.conf"
        write_secret(path, deployment.access(int(time.time())).text())
    show(shown(str(path)))


async def _issue(role: Role, name: str, days: float | None) -> None:
    now = int(time.time())
    with naming_errors():
        deployment = _deployment()
        if days is not None and deployment.way is Way.KEYS:
            raise WrongUse("--days: servers that list keys know of no end; omega trust revoke ends one")
        identity = checked_identity(role, name)
        for path in deployment.issue(identity, now, days=days):
            show(shown(str(path)))
    await _servers_told([one for one in deployment.issued() if one.identity == identity][-1:], "issued")


async def _servers_told(changed: Sequence[Issued], what: str) -> None:
    """The servers of this machine's federation read it now; others are the operator's to reload."""
    home = home_from(os.environ)
    state = running(home.state_file)
    deployment = _deployment()
    if state is None:
        if deployment.way is not Way.TOKENS or what == "revoked":
            note("tell your servers: omega trust server, then reload them (nats-server --signal reload)")
        return
    if home.access_file.exists():
        write_secret(home.access_file, deployment.access(int(time.time())).text())
        for process in state.processes:
            if process.name.partition("-")[0] == "nats" and process.pid is not None:
                os.kill(process.pid, signal.SIGHUP)
    await _tell(home, BusSettings(nats_url=state.nats_url, prefix=state.prefix, trust=home.trust), changed, what)


async def _tell(home: Home, settings: BusSettings, changed: Sequence[Issued], what: str) -> None:
    """An event for the audit trail, where somebody hears it."""
    set_up_logs(os.environ, level="error")
    with naming_errors():
        async with connected(settings, "omega:cli") as bus:
            trail = Trail(bus, "omega trust")
            for one in changed:
                facts = {"identity": str(one.identity), "key": one.public[:12], "change": what}
                trail.tell(EventKind.TRUST_CHANGED, None, **facts)
            await bus.flush()


def _deployment() -> Deployment:
    return Deployment(_folder(), _settings())


def _settings() -> BusSettings:
    with naming_errors():
        state = running(home_from(os.environ).state_file)
        return BusSettings(prefix=state.prefix) if state is not None else BusSettings()


def _folder() -> Path:
    return home_from(os.environ).trust


def _day(moment: int | None) -> str:
    return "" if moment is None else rfc3339(moment)[:16].replace("T", " ")


def _as_json(one: Issued) -> dict[str, object]:
    return {
        "identity": str(one.identity),
        "key": one.public,
        "issued_at": rfc3339(one.at),
        "expires_at": rfc3339(one.expires) if one.expires is not None else None,
        "revoked_at": rfc3339(one.revoked) if one.revoked is not None else None,
    }
