"""What is attacked: a federation on loopback with one member, its gateway's main port and a door of that member."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from gateway import Gateway, GatewaySettings
from tests.flow.gateway.conftest import SUBJECT, client, directory, gateway, member, told

__all__ = ["client", "directory", "gateway", "member", "told"]


@pytest.fixture
def gateway_settings() -> GatewaySettings:
    return GatewaySettings(port=0, doors={0: SUBJECT}, drain_s=1)


@pytest.fixture(params=["main", "door"])
def port(request: pytest.FixtureRequest, gateway: Gateway) -> int:
    """The main port, then the door's."""
    url = gateway.url if request.param == "main" else gateway.door_urls[SUBJECT]
    return urlsplit(url).port or 0


@dataclass
class Raw:
    """A client that sends what it likes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @staticmethod
    async def to(port: int) -> Raw:
        return Raw(*await asyncio.open_connection("127.0.0.1", port))

    async def says(self, data: bytes) -> bytes:
        """Everything that is answered to `data`, until the other side closes."""
        self.writer.write(data)
        try:
            async with asyncio.timeout(10):
                await self.writer.drain()
                return await self.reader.read()
        except ConnectionError:
            return b""

    def close(self) -> None:
        self.writer.transport.abort()


async def once(port: int, data: bytes) -> bytes:
    """The answer to a request on a connection of its own."""
    raw = await Raw.to(port)
    try:
        return await raw.says(data)
    finally:
        raw.close()


def head(request: str, *lines: str) -> bytes:
    return "\r\n".join([f"{request} HTTP/1.1", "Host: localhost", "Connection: close", *lines, "", ""]).encode()


def status(answer: bytes) -> int:
    """The status of an answer; 0 where there is none."""
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/1.") else 0
