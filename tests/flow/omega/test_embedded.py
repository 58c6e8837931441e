"""The embedded NATS server with the configuration it really gets."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest

from omega.embedded import ServerPlan, configuration, find_server, system_login
from omega.embedded.configuration import ACCOUNT, SYSTEM_USER, Login
from omega.ports import free_port
from omega.supervisor.probes import serves_nats


@pytest.fixture
def login(tmp_path: Path) -> Login:
    return system_login(tmp_path / "login.json")


@pytest.fixture
async def url(tmp_path: Path, login: Login) -> AsyncIterator[str]:
    """The address of a running server."""
    port = free_port("127.0.0.1")
    config = tmp_path / "nats.conf"
    config.write_text(configuration(ServerPlan(port, tmp_path, login)))
    process = await asyncio.create_subprocess_exec(str(find_server().path), "-c", str(config), stderr=DEVNULL)
    try:
        async with asyncio.timeout(10):
            await serves_nats("127.0.0.1", port)(None)  # type: ignore[arg-type] # this probe looks at no child
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.terminate()
        async with asyncio.timeout(10):
            await process.wait()


async def test_a_client_needs_no_credentials_and_has_jetstream(url: str) -> None:
    client = await nats.connect(url)
    try:
        info = await client.jetstream().account_info()
        assert info.streams == 0
    finally:
        await client.close()


async def test_what_it_stores_is_in_the_run_directory(url: str, tmp_path: Path) -> None:
    client = await nats.connect(url)
    try:
        await client.jetstream().add_stream(name="S", subjects=["s"])
        assert (tmp_path / "jetstream" / ACCOUNT / "streams" / "S").is_dir()
    finally:
        await client.close()


async def test_the_system_user_hears_who_left(url: str, login: Login) -> None:
    system = await nats.connect(url, user=SYSTEM_USER, password=login.system)
    try:
        heard = await system.subscribe(f"$SYS.ACCOUNT.{ACCOUNT}.DISCONNECT")
        await system.flush()
        client = await nats.connect(url, name="omega:member/weather")
        await client.close()
        assert b'"omega:member/weather"' in (await heard.next_msg(timeout=5)).data
    finally:
        await system.close()


async def test_nobody_is_the_system_user_without_its_password(url: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    try:
        login = json.dumps({"verbose": False, "user": SYSTEM_USER, "pass": "guess"})
        writer.write(f"CONNECT {login}\r\nPING\r\n".encode())
        async with asyncio.timeout(5):
            said = await reader.read()
        assert b"Authorization Violation" in said
        assert b"PONG" not in said
    finally:
        writer.close()
        await writer.wait_closed()
