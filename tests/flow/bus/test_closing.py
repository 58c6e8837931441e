"""A bus that is closed leaves no connection behind, whatever it was about."""

from __future__ import annotations

import asyncio
from itertools import count

import psutil
import pytest

from bus import Bus, BusSettings, supervision
from bus.trust.keyring import Keyring
from tests.support.nats import NatsServer, until

TURNS = 60


def connections_to(server: NatsServer) -> int:
    """That this process holds open."""
    held = psutil.Process().net_connections("tcp")
    return sum(1 for one in held if one.raddr and one.raddr.port == server.port and one.status == "ESTABLISHED")


async def test_closing_in_the_middle_of_a_renewal_leaves_neither_connection(
    nats_server: NatsServer, settings: BusSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamps = count()
    monkeypatch.setattr(supervision, "RENEWAL_LOOK_S", 0.001)
    monkeypatch.setattr(Keyring, "stamp", lambda _: (next(stamps),))  # its files are always others than before
    for turn in range(TURNS):
        bus = await Bus.connect(settings)
        bus.listen("test.shared", lambda _: None, queue="q")
        for _ in range(turn):
            await asyncio.sleep(0)  # a little further into a renewal each time
        await bus.close()
    await until(lambda: connections_to(nats_server) == 0, within=5)
