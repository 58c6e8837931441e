"""Which federation a client's command means, and the way to it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from bus import BusSettings, Federation
from omega.cli.errors import naming_errors
from omega.home import home_from
from omega.processes.life import connected, set_up_logs
from omega.state import running

PATIENCE_S = 2.0
"""A person at a prompt waits less long for a connection than a process that is to start one day."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Reach:
    """Which federation is meant."""

    nats: Annotated[str | None, Parameter(env_var="OMEGA_NATS_URL")] = None
    """NATS to ask. Unset: that of the federation of this machine, else nats://127.0.0.1:4222."""

    prefix: Annotated[str | None, Parameter(env_var="OMEGA_PREFIX")] = None
    """First word of every subject. Unset: that of the federation of this machine, else omega."""

    def settings(self) -> BusSettings:
        """How to connect. Raises WrongUse."""
        here = running(home_from(os.environ).state_file)
        named: dict[str, Any] = {
            "nats_url": self.nats or (here.nats_url if here else None),
            "prefix": self.prefix or (here.prefix if here and not self.nats else None),
        }
        with naming_errors():
            return BusSettings(**{name: value for name, value in named.items() if value is not None})

    @asynccontextmanager
    async def federation(self) -> AsyncIterator[Federation]:
        """The federation that is meant. Raises Trouble for what the block raises of the bus, or nobody there."""
        settings = self.settings()
        if "connect_timeout_s" not in settings.model_fields_set:
            settings = settings.model_copy(update={"connect_timeout_s": PATIENCE_S})
        set_up_logs(os.environ, level="error")
        with naming_errors():
            async with connected(settings, "omega:cli") as bus:
                yield Federation(bus)
