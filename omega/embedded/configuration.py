"""How the embedded NATS server runs: its configuration file, built from a plan. Pure but for `system_login`."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "OMEGA"
SYSTEM_USER = "system"
NAME = "omega-embedded"


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """What differs from one embedded server to the next."""

    port: int
    store: Path
    """JetStream keeps its files in `jetstream` below this. A local disk: what is acknowledged is on it."""
    login: Login
    host: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Login:
    """Passwords made at the first start and kept in the run directory."""

    system: str
    """Of the user who sees the server's own events (`$SYS.>`)."""
    everyone: str
    """Of the user that a client without credentials becomes; nobody needs to know it."""


def system_login(path: Path) -> Login:
    """The passwords kept at `path`, made there when there are none. Raises OSError, ValueError (not our file)."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(json.dumps({"system": secrets.token_urlsafe(24), "everyone": secrets.token_urlsafe(24)}))
    kept = json.loads(path.read_text())
    return Login(kept["system"], kept["everyone"])


def configuration(plan: ServerPlan) -> str:
    """The text of the configuration file."""
    return _TEMPLATE.format(
        name=NAME,
        listen=_quoted(f"{plan.host}:{plan.port}"),
        store=_quoted(str(plan.store)),
        account=ACCOUNT,
        system_user=SYSTEM_USER,
        system_password=_quoted(plan.login.system),
        password=_quoted(plan.login.everyone),
    )


def _quoted(value: str) -> str:
    """As a string of the configuration language, which takes JSON's."""
    return json.dumps(value, ensure_ascii=False)


_TEMPLATE = """\
# The embedded NATS server of a federation. Written by `omega up` at every start: changes here are lost.
server_name: {name}
listen: {listen}

max_payload: 1MB
# A client that vanished without a word is found within 20 s x 2.
ping_interval: "20s"
ping_max: 2
# A client that does not read is cut off after this, so that it cannot hold the others' messages.
write_deadline: "5s"

jetstream {{
  store_dir: {store}
  # On disk before it is acknowledged: an acknowledged registration survives a power cut.
  sync_interval: always
  # A bound, not a reservation of the disk: what the streams may claim together.
  max_file_store: 16GB
  max_memory_store: 64MB
}}
# The Python client reads the first form of acknowledgement subjects only.
feature_flags {{ js_ack_fc_v2: false }}

accounts {{
  {account} {{ jetstream: enabled, users: [ {{ user: everyone, password: {password} }} ] }}
  SYS {{ users: [ {{ user: {system_user}, password: {system_password} }} ] }}
}}
system_account: SYS
# Loopback only, so a client of this machine needs no credentials.
no_auth_user: everyone
"""
