"""The NATS server that comes along: `binary` finds it, `configuration` says how it runs."""

from __future__ import annotations

from omega.embedded.binary import Found, NoServer, find_server
from omega.embedded.configuration import SYSTEM_USER, ServerPlan, configuration, system_login

__all__ = ["SYSTEM_USER", "Found", "NoServer", "ServerPlan", "configuration", "find_server", "system_login"]
