"""The station that keeps one connection up: dial, hold, and dial again when it ends, for as long as it is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import inf

import structlog

from bus.errors import BusRefuses, Disconnected
from bus.servers import Address, Servers
from bus.settings import BusSettings
from bus.trust.credentials import BadCredentials
from bus.trust.keyring import Keyring, Login, Stamp
from bus.wire import Wire

RENEWAL_LOOK_S = 2.0
"""How often a connection's files are looked at: so much later new ones are used."""
REPEAT_S = 60.0
"""The same reason for a failed attempt is told at most once in so long."""
_REFUSALS = ("authorization", "authentication", "maximum connections", "account")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Household:
    """What whoever uses the connection does about its changes. All but `move` are synchronous."""

    adopt: Callable[[Wire], None]
    """A new one is open: subscribe on it."""
    move: Callable[[Wire], Awaitable[None]]
    """A new one is open beside one that still works: go over to it. Raises Disconnected (then nothing was changed)."""
    lost: Callable[[], None]
    """It is gone: let go who waits for an answer."""
    regained: Callable[[], None]
    """The server has confirmed the new one, after an earlier one was lost."""


class Supervisor:
    """Keeps one wire to one of the servers up."""

    def __init__(
        self, settings: BusSettings, keyring: Keyring, name: str, household: Household, gather_s: float = 0.0
    ) -> None:
        self._settings = settings
        self._keyring = keyring
        self._proven_by: Stamp = ()
        self._name = name
        self._household = household
        self._gather_s = gather_s
        self._servers = Servers(settings.servers, settings.max_backoff_s)
        self._complaints = Complaints()
        self._wire: Wire | None = None
        self._address: Address | None = None
        self._reason = "no server answered"
        self._closing = False

    async def open(self) -> None:
        """The first connection.

        Raises Disconnected after `connect_timeout_s`, with the reason of the last attempt; BusRefuses where that is no.
        """
        until = asyncio.get_running_loop().time() + self._settings.connect_timeout_s
        try:
            async with asyncio.timeout_at(until):
                await self._reach(aloud=False, until=until)
        except TimeoutError as exc:
            where = self._settings.shown_url
            if is_refusal(self._reason):
                raise BusRefuses(f"the NATS server at {where} does not let us in: {self._reason}") from exc
            raise Disconnected(f"no NATS server answers at {where}: {self._reason}") from exc

    async def hold(self) -> None:
        """Open it where it is not open yet, and replace it whenever it ends. Until cancelled, or closed."""
        if self._wire is None:
            await self._reach()
            log.info("bus_connected", name=self._name)
        while self._wire is not None:
            renewing = await self._until_leaving(self._wire)
            if self._wire.ended.is_set() or not await self._moved(self._wire, renewing=renewing):
                if renewing and not self._wire.ended.is_set():
                    continue  # it works as it is; the next files may do better
                await self._wire.ended.wait()
                await self._reach()
            if self._closing:
                return
            log.info("bus_regained", name=self._name)
            self._household.regained()

    async def _until_leaving(self, wire: Wire) -> bool:
        """Return when `wire` ends or is about to; or, with True, when there are new files to prove ourselves with."""
        while not wire.leaving.is_set():
            try:
                async with asyncio.timeout(RENEWAL_LOOK_S):
                    await wire.leaving.wait()
            except TimeoutError:
                if self._keyring.stamp() != self._proven_by:
                    return True
        return False

    async def close(self) -> None:
        """End it: what was published is sent first."""
        self._closing = True  # told to `hold` in so many words: in Python 3.11 a dial may swallow a cancellation
        while self._wire is not None and not self._wire.ended.is_set():
            await self._wire.leave(within=2)  # once more where it went over to another one meanwhile

    async def _reach(self, *, aloud: bool = True, until: float = inf) -> None:
        """Raises TimeoutError after an attempt that ended after `until`: it may have swallowed the cancellation."""
        while not self._closing:
            address, pause = self._servers.next()
            await asyncio.sleep(pause)
            try:
                self._wire = await self._dial(address)
                self._complaints.clear()
                break
            except Disconnected as exc:
                self._reason = exc.message
                self._servers.failed(address, refused=is_refusal(exc.message))
                if asyncio.get_running_loop().time() >= until:
                    raise TimeoutError from exc
                if aloud and self._complaints.due(exc.message, asyncio.get_running_loop().time()):
                    log.warning("bus_not_reached", name=self._name, reason=exc.message)
        if self._closing and self._wire is not None:
            self._wire.fall("closed")

    async def _moved(self, old: Wire, *, renewing: bool) -> bool:
        """Go over to another server before this one ends; with `renewing`, to any. False: nothing was changed."""
        if self._address is not None:
            self._servers.learn(self._address, old.neighbours)
            if not renewing:
                self._servers.leaves(self._address)
        address, _ = self._servers.next()
        if address is self._address and not renewing:
            return False
        wire = Wire(ping_interval_s=self._settings.ping_interval_s, gather_s=self._gather_s)
        moved = False
        try:
            await wire.dial(address, self._name, self._login())
            await self._household.move(wire)
            moved = True
        except Disconnected as exc:
            log.warning("bus_not_moved", name=self._name, reason=exc.message)
            return False
        finally:
            if not moved:
                wire.fall("not moved to")
        log.info("bus_renewed" if renewing else "bus_moved", name=self._name)
        self._hold_on_to(wire, address)
        self._wire = wire
        if self._closing:
            wire.fall("closed")
        return True

    def _login(self) -> Login:
        """What to open a connection with. Raises Disconnected where our own files are of no use."""
        self._proven_by = self._keyring.stamp()
        try:
            return self._keyring.login()
        except BadCredentials as exc:
            raise Disconnected(exc.message) from exc

    def _hold_on_to(self, wire: Wire, address: Address) -> None:
        since = asyncio.get_running_loop().time()
        self._address = address
        wire.on_end = lambda ended: self._ended(ended, address, since)
        if wire.ended.is_set():
            self._ended(wire, address, since)

    async def _dial(self, address: Address) -> Wire:
        wire = Wire(ping_interval_s=self._settings.ping_interval_s, gather_s=self._gather_s)
        await wire.dial(address, self._name, self._login())
        try:
            self._household.adopt(wire)
            await wire.confirm(self._settings.connect_timeout_s)
        except (asyncio.CancelledError, Disconnected):
            wire.fall("not confirmed")
            self._household.lost()
            raise
        self._hold_on_to(wire, address)
        return wire

    def _ended(self, wire: Wire, address: Address, since: float) -> None:
        self._servers.lost(address, asyncio.get_running_loop().time() - since)
        self._servers.learn(address, wire.neighbours)
        if not self._closing:
            log.warning("bus_lost", name=self._name, reason=wire.reason)
        self._household.lost()


class Complaints:
    """Which failures are worth a log line: each reason once, and again when it has lasted."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def due(self, reason: str, now: float) -> bool:
        """Whether to tell of `reason` at `now` (seconds); what is told counts as told."""
        if now - self._told.get(reason, -REPEAT_S) < REPEAT_S:
            return False
        self._told[reason] = now
        return True

    def clear(self) -> None:
        """All is well: the next failure is news."""
        self._told.clear()


def is_refusal(reason: str) -> bool:
    """Whether the server answered, and said no."""
    return any(word in reason.lower() for word in _REFUSALS)
