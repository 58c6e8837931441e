"""How a NATS server of ours runs, alone or as a node of a cluster: its configuration file, built from a plan.

Pure but for `system_login`.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from bus.trust.authority import ACCOUNT
from omega.embedded.access import Access, Open, quoted

SYSTEM_USER = "system"
ROUTE_USER = "node"
NAME = "omega-embedded"
CLUSTER_NAME = "omega"
_SECRETS = ("system", "everyone", "routes")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A server's place in a cluster."""

    port: int
    """Where the other servers connect."""
    routes: tuple[int, ...]
    """That port of every server of the cluster; its own may be among them."""
    name: str = CLUSTER_NAME


@dataclass(frozen=True, slots=True)
class Link:
    """A site's way to its hub: a leaf node connection, dialled by the site."""

    hub_url: str
    """Where the hub takes leaf nodes, login included."""
    within_site: tuple[str, ...]
    """Subjects that do not cross, in either direction."""


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """What differs from one server to the next."""

    port: int
    store: Path
    """JetStream keeps its files in `jetstream` below this. A local disk: what is acknowledged is on it."""
    login: Login
    host: str = "127.0.0.1"
    name: str = NAME
    """Of this server; what a node of a cluster stored belongs to its name."""
    monitor: int | None = None
    """Port of `/healthz` and the figures over HTTP; None: not served."""
    cluster: Cluster | None = None
    domain: str | None = None
    """JetStream domain: the site's name, by which its storage is known to other sites."""
    leaf_port: int | None = None
    """Where sites connect, on the server of a hub; they log in as the servers of a cluster do."""
    access: Access | None = None
    """Whom it lets in; None: everybody of this machine."""
    link: Link | None = None
    """To its hub, on the server of a site."""


@dataclass(frozen=True, slots=True)
class Login:
    """Passwords made at the first start and kept in the run directory."""

    system: str
    """Of the user who sees the server's own events (`$SYS.>`)."""
    everyone: str
    """Of the user that a client without credentials becomes; nobody needs to know it."""
    routes: str
    """By which the servers of a cluster know each other."""


def system_login(path: Path) -> Login:
    """The passwords kept at `path`, made there where there are none. Raises OSError, ValueError (not our file)."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    if missing := [name for name in _SECRETS if name not in kept]:
        kept |= {name: secrets.token_urlsafe(24) for name in missing}
        path.touch(mode=0o600)
        path.write_text(json.dumps(kept))
    return Login(**{name: kept[name] for name in _SECRETS})


def configuration(plan: ServerPlan) -> str:
    """The text of the configuration file."""
    server = _SERVER.format(
        name=quoted(plan.name),
        listen=quoted(f"{plan.host}:{plan.port}"),
        store=quoted(str(plan.store)),
        domain=f"\n  domain: {quoted(plan.domain)}" if plan.domain else "",
    )
    access = plan.access or Open(SYSTEM_USER, plan.login.system, plan.login.everyone)
    return server + access.text() + _monitor(plan) + _cluster(plan) + _leaf_nodes(plan)


def _monitor(plan: ServerPlan) -> str:
    return _MONITOR.format(listen=quoted(f"{plan.host}:{plan.monitor}")) if plan.monitor is not None else ""


def _cluster(plan: ServerPlan) -> str:
    if plan.cluster is None:
        return ""
    password = plan.login.routes
    routes = (f"nats://{ROUTE_USER}:{password}@{plan.host}:{port}" for port in plan.cluster.routes)
    return _CLUSTER.format(
        name=quoted(plan.cluster.name),
        listen=quoted(f"{plan.host}:{plan.cluster.port}"),
        user=ROUTE_USER,
        password=quoted(password),
        routes=", ".join(map(quoted, routes)),
    )


def _leaf_nodes(plan: ServerPlan) -> str:
    if plan.leaf_port is not None:
        return _HUB.format(
            listen=quoted(f"{plan.host}:{plan.leaf_port}"),
            user=ROUTE_USER,
            password=quoted(plan.login.routes),
            account=ACCOUNT,
        )
    if plan.link is not None:
        within = ", ".join(map(quoted, plan.link.within_site))
        return _SITE.format(url=quoted(plan.link.hub_url), account=ACCOUNT, within=within)
    return ""


_SERVER = """\
# A NATS server of a federation. Written by `omega up` at every start: changes here are lost.
server_name: {name}
listen: {listen}

max_payload: 1MB
# A client that vanished without a word is found within 20 s x 2.
ping_interval: "20s"
ping_max: 2
# A client that does not read is cut off after this, so that it cannot hold the others' messages.
write_deadline: "5s"
# On SIGUSR2 clients are told to move; who did not after a second is moved. 30 s is the shortest there is.
lame_duck_grace_period: "1s"
lame_duck_duration: "30s"

jetstream {{
  store_dir: {store}{domain}
  # On disk before it is acknowledged: an acknowledged registration survives a power cut.
  sync_interval: always
  # A bound, not a reservation of the disk: what the streams may claim together.
  max_file_store: 16GB
  max_memory_store: 64MB
}}
# The Python client reads the first form of acknowledgement subjects only.
feature_flags {{ js_ack_fc_v2: false }}
"""

_MONITOR = """
# Health and figures, for this machine alone.
http: {listen}
"""

_CLUSTER = """
cluster {{
  name: {name}
  listen: {listen}
  # Without it any process of this machine could join, and be the system account.
  authorization {{ user: {user}, password: {password} }}
  routes: [ {routes} ]
}}
"""

_HUB = """
leafnodes {{
  listen: {listen}
  authorization {{ user: {user}, password: {password}, account: {account} }}
  # A site dials what its own configuration says: the addresses that the hub knows of itself may be of no use there.
  no_advertise: true
}}
"""

_SITE = """
leafnodes {{
  remotes: [ {{
    url: {url}
    account: {account}
    # A site settles these by itself. Calls, their answers and the reading of its storage are what crosses.
    deny_imports: [ {within} ]
    deny_exports: [ {within} ]
  }} ]
}}
"""
