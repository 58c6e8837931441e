"""A small federation for tests: a real NATS server, a real directory, and the members under test.

async with federation(build()) as running:
    assert await running.call("my_service", "count", {"text": "a"}) == …
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from bus import Bus, BusSettings, Federation
from directory import Directory
from members import Member
from omega.embedded import find_server
from omega.trouble import CannotStart

START_S = 15.0

_CONFIGURATION = """\
listen: "127.0.0.1:-1"
ports_file_dir: {folder}
jetstream {{ store_dir: {folder} }}
"""


@asynccontextmanager
async def federation(*members: Member) -> AsyncIterator[Federation]:
    """A federation of `members` for the length of the block, on a free port of loopback; all are announced.

    Nothing of it outlasts the block. Raises NoServer (no nats-server on this machine), CannotStart.
    """
    with tempfile.TemporaryDirectory(prefix="omega-test-") as folder, nats_server(Path(folder)) as process:
        url = await _url(Path(folder), process)
        async with AsyncExitStack() as stack:
            directory = Directory(await _connected(stack, url, "directory"))
            await directory.start()
            stack.push_async_callback(directory.stop)
            for member in members:
                await stack.enter_async_context(member.serving(await _connected(stack, url, member.id)))
            yield Federation(await _connected(stack, url, "test"))


@contextmanager
def nats_server(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A nats-server that keeps everything in `folder`, for the length of the block."""
    configuration = folder / "nats.conf"
    configuration.write_text(_CONFIGURATION.format(folder=json.dumps(str(folder))))
    with (folder / "nats.log").open("wb") as log:
        process = subprocess.Popen([find_server().path, "-c", configuration], stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _url(folder: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the server listens, once it does."""
    ports = folder / f"nats-server_{process.pid}.ports"
    try:
        async with asyncio.timeout(START_S):
            while not (ports.exists() and ports.read_text()):
                if process.poll() is not None:
                    break
                await asyncio.sleep(0.02)
            else:
                return str(json.loads(ports.read_text())["nats"][0])
    except TimeoutError:
        pass
    raise CannotStart("the NATS server did not start", *(folder / "nats.log").read_text().splitlines()[-5:])


async def _connected(stack: AsyncExitStack, url: str, name: str) -> Bus:
    bus = await Bus.connect(BusSettings(nats_url=url), name=f"omega:test/{name}")
    stack.push_async_callback(bus.close)
    return bus
