"""Fetch one commit into a bare repository: the host checked and pinned, the disk watched while it fills."""

from __future__ import annotations

import asyncio
import os
import socket
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from members.code_analyzer import git
from members.code_analyzer.address import Address, dialable
from members.code_analyzer.settings import CodeAnalyzerSettings
from members.sandbox.child import child
from members.sandbox.limits import Limits
from members.sandbox.refusals import Failed, Forbidden, TooLarge

LOOK_EVERY_S = 0.1
KEPT_COMPLAINT_BYTES = 8192

Resolver = Callable[[str, int], Awaitable[list[str]]]

log = structlog.get_logger(__name__)


async def system_resolver(host: str, port: int) -> list[str]:
    """Addresses of a host, as the system's resolver tells them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


async def clone(
    address: Address, folder: Path, settings: CodeAnalyzerSettings, *, resolver: Resolver = system_resolver
) -> None:
    """Make `folder` a bare repository with one commit.

    Raises Forbidden (not a public host), TooLarge, or Failed with one of the reasons in `git.COMPLAINTS`,
    `unresolved`, `time_limit`, `clone_failed`."""
    dial = await checked_addresses(address, settings, resolver)
    command = git.clone_command(address, dial, folder, settings.ca_file)
    try:
        async with asyncio.timeout(settings.clone_timeout_s):
            await run(command, git.environment(address.scheme), folder, settings)
    except TimeoutError:
        message = f"the clone was not done within the limit of {settings.clone_timeout_s:g} s"
        raise Failed(message, reason="time_limit") from None


async def checked_addresses(address: Address, settings: CodeAnalyzerSettings, resolver: Resolver) -> tuple[str, ...]:
    """Where git will connect to, and nowhere else."""
    try:
        async with asyncio.timeout(settings.resolve_timeout_s):
            found = await resolver(address.host, address.port)
    except (OSError, TimeoutError):
        found = []
    if not found:
        raise Failed(f"the host {address.host} cannot be resolved", reason="unresolved")
    try:
        return dialable(address, found)
    except Forbidden:
        log.warning("repository host refused", host=address.host, addresses=found)
        raise


async def run(command: list[str], env: dict[str, str], folder: Path, settings: CodeAnalyzerSettings) -> None:
    """Run git to its end, or kill it when the folder outgrows its limit."""
    limits = Limits(
        memory_bytes=settings.worker_memory_bytes,
        file_bytes=settings.max_clone_bytes,
        cpu_s=int(settings.clone_timeout_s) + 1,
    )
    async with child(command, limits=limits, env=env) as process:
        watch = asyncio.ensure_future(outgrown(folder, settings.max_clone_bytes))
        finish = asyncio.ensure_future(finished(process))
        try:
            await asyncio.wait({watch, finish}, return_when=asyncio.FIRST_COMPLETED)
            if not finish.done():
                watch.result()
                raise too_large(settings)
            said = finish.result()
        finally:
            watch.cancel()
            finish.cancel()
            await asyncio.wait({watch, finish})
        if process.returncode:
            log.info("git failed", status=process.returncode, said=said)
            raise git.complaint(said, process.returncode, {"max_clone_bytes": settings.max_clone_bytes})


async def finished(process: Process) -> str:
    """The end of what git had to say, once it has ended. A server can make it say a great deal."""
    assert process.stderr is not None
    kept = b""
    while chunk := await process.stderr.read(65536):
        kept = (kept + chunk)[-KEPT_COMPLAINT_BYTES:]
    await process.wait()
    return kept.decode("ascii", "replace")


async def outgrown(folder: Path, limit: int) -> None:
    """Returns when the folder holds more than the limit."""
    while True:
        if await asyncio.to_thread(size_of, folder) > limit:
            return
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


def too_large(settings: CodeAnalyzerSettings) -> TooLarge:
    return TooLarge(
        f"the repository takes more than {settings.max_clone_bytes} bytes", max_clone_bytes=settings.max_clone_bytes
    )
