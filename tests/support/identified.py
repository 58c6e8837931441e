"""A nats-server that lets in only who proves who it is, with the few rights that tests of ownership need."""

from __future__ import annotations

from pathlib import Path

from bus import BusSettings
from tests.support.nats import NatsServer

PASSWORD = "known-to-the-test"

_CONFIG = """
listen: "127.0.0.1:{port}"
ports_file_dir: "{directory}"
jetstream {{ store_dir: "{directory}/store", sync_interval: {sync} }}
authorization {{
  users: [
    {{ user: everything, password: PASSWORD }}
    {{ user: gateway, password: PASSWORD, permissions: {{ publish: {{ deny: [OWN, "omega.directory-admin.>"] }} }} }}
    MEMBERS
  ]
}}
"""
_MEMBER = """{{ user: NAME, password: PASSWORD, permissions: {{ publish: {{
  allow: ["omega.register.NAME.*", "omega.register.NAME", "omega.heartbeat.NAME.*", "omega.leave.NAME.*",
          "omega.leave.NAME", "omega.directory.>", "_INBOX.>"] }} }} }}"""


def identified_server(directory: Path, *members: str) -> NatsServer:
    """Users `everything` (directory, operator), `gateway`, and each of `members`, who speaks for itself alone."""
    own = ", ".join(f'"omega.{verb}.>"' for verb in ("register", "heartbeat", "leave"))
    rows = "\n".join(_MEMBER.replace("NAME", member) for member in members)
    config = _CONFIG.replace("MEMBERS", rows).replace("OWN", own).replace("PASSWORD", f'"{PASSWORD}"')
    return NatsServer(directory, config=config)


def settings_of(server: NatsServer, user: str) -> BusSettings:
    """How that user connects."""
    url = server.url.replace("nats://", f"nats://{user}:{PASSWORD}@")
    return BusSettings(nats_url=url, ping_interval_s=1, max_backoff_s=0.2)
