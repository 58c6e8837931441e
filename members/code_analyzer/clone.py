"""Talk to one repository's server: the host checked and pinned, the disk watched while it fills."""

from __future__ import annotations

import asyncio
import os
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from members.code_analyzer import git
from members.code_analyzer.address import Address, dialable
from members.code_analyzer.refs import commit_of, names_for
from members.code_analyzer.settings import CodeAnalyzerSettings
from members.sandbox.child import child
from members.sandbox.limits import Limits
from members.sandbox.refusals import Failed, Forbidden, TooLarge

LOOK_EVERY_S = 0.1
KEPT_COMPLAINT_BYTES = 8192
MAX_LISTED_BYTES = 65536

Resolver = Callable[[str, int], Awaitable[list[str]]]

log = structlog.get_logger(__name__)


async def system_resolver(host: str, port: int) -> list[str]:
    """Addresses of a host, as the system's resolver tells them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository at an address whose host leads to `dial`, and nowhere else.

    Every method raises TooLarge, or Failed with one of the reasons in `git.COMPLAINTS`, `time_limit`, `empty`,
    `unknown_ref`, `clone_failed`."""

    address: Address
    dial: tuple[str, ...]
    settings: CodeAnalyzerSettings

    async def commit(self, ref: str) -> str:
        """The id of the commit that a ref stands for now; of the default branch when it is empty."""
        ca_file, time_s = self.settings.ca_file, self.settings.clone_timeout_s
        command = git.resolve_command(self.address, self.dial, names_for(ref), ca_file=ca_file, time_s=time_s)
        async with within_time(self.settings):
            return commit_of(ref, await run(command, self.address.scheme, self.settings))

    async def fetch(self, commit: str, folder: Path, *, past: int = 0) -> None:
        """Make `folder` a bare repository with one commit or, with `past`, with that many and no contents."""
        ca_file, time_s = self.settings.ca_file, self.settings.clone_timeout_s
        address, dial = self.address, self.dial
        command = git.fetch_command(address, dial, folder, commit, ca_file=ca_file, past=past, time_s=time_s)
        async with within_time(self.settings):
            await run(git.init_command(folder, commit), "none", self.settings)
            await run(command, self.address.scheme, self.settings, folder)


@asynccontextmanager
async def within_time(settings: CodeAnalyzerSettings) -> AsyncIterator[None]:
    """The block, within the time of a clone. Raises Failed."""
    try:
        async with asyncio.timeout(settings.clone_timeout_s):
            yield
    except TimeoutError:
        message = f"the clone was not done within the limit of {settings.clone_timeout_s:g} s"
        raise Failed(message, reason="time_limit") from None


async def reach(address: Address, settings: CodeAnalyzerSettings, resolver: Resolver = system_resolver) -> Remote:
    """The repository at an address. Raises Forbidden (not a public host) or Failed (`unresolved`)."""
    try:
        async with asyncio.timeout(settings.resolve_timeout_s):
            found = await resolver(address.host, address.port)
    except (OSError, TimeoutError):
        found = []
    if not found:
        raise Failed(f"the host {address.host} cannot be resolved", reason="unresolved")
    try:
        return Remote(address, dialable(address, found), settings)
    except Forbidden:
        log.warning("repository host refused", host=address.host, addresses=found)
        raise


async def run(command: Sequence[str], scheme: str, settings: CodeAnalyzerSettings, folder: Path | None = None) -> str:
    """Run git to its end and return what it listed; or kill it when the folder outgrows its limit."""
    limits = Limits(
        memory_bytes=settings.worker_memory_bytes,
        file_bytes=settings.max_clone_bytes,
        cpu_s=int(settings.clone_timeout_s) + 1,
    )
    async with child(command, limits=limits, env=git.environment(scheme)) as process:
        try:
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(outgrown(folder, settings)) if folder is not None else None
                said, listed = await finished(process)
                if watch is not None:
                    watch.cancel()
        except* TooLarge as group:
            raise group.exceptions[0] from None
        if process.returncode:
            log.info("git failed", status=process.returncode, said=said)
            raise git.complaint(said, process.returncode, {"max_clone_bytes": settings.max_clone_bytes})
        return listed


async def finished(process: Process) -> tuple[str, str]:
    """The end of what git had to say and the beginning of what it listed, once it has ended. A server can make it say
    a great deal."""
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.TaskGroup() as tasks:
        said = tasks.create_task(drained(process.stderr, KEPT_COMPLAINT_BYTES, last=True))
        listed = tasks.create_task(drained(process.stdout, MAX_LISTED_BYTES, last=False))
    await process.wait()
    return said.result(), listed.result()


async def drained(stream: asyncio.StreamReader, limit: int, *, last: bool) -> str:
    """The first or last bytes of a stream, read to its end."""
    kept = b""
    while chunk := await stream.read(65536):
        kept = (kept + chunk)[-limit:] if last else (kept + chunk)[:limit]
    return kept.decode("ascii", "replace")


async def outgrown(folder: Path, settings: CodeAnalyzerSettings) -> None:
    """Raises TooLarge when the folder holds more than the limit."""
    limit = settings.max_clone_bytes
    while True:
        if await asyncio.to_thread(size_of, folder) > limit:
            raise TooLarge(f"the repository takes more than {limit} bytes", max_clone_bytes=limit)
        await asyncio.sleep(LOOK_EVERY_S)


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; what vanishes meanwhile counts nothing."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - ten times a second
            except FileNotFoundError:
                continue
    return size
