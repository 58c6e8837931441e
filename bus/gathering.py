"""A parser that takes in many small messages for one wake-up, for a connection that nobody waits for."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client
from nats.protocol.parser import Parser

READ = 1 << 16
"""Bytes taken from the socket at once."""


class GatheringParser(Parser):
    """Many small messages for one wake-up: on a wire that nobody waits for, waking costs more than reading."""

    def __init__(self, wire: Client, gather_s: float) -> None:
        super().__init__(wire)
        self._wire = wire
        self._gather_s = gather_s

    async def parse(self, data: bytes = b"") -> None:
        await super().parse(data)
        if len(data) == READ:
            return  # more is there already: a pause now would only make the wire fall behind
        stream = getattr(self._wire._transport, "_io_writer", None)  # absent on a web socket, which is never gathered
        if stream is None or not self._wire.is_connected:
            return
        stream.transport.pause_reading()
        try:
            await asyncio.sleep(self._gather_s)
        finally:
            stream.transport.resume_reading()
