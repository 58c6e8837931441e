"""The limits of one gateway: one request in, let through or refused, and the refusal told."""

from __future__ import annotations

import time
from collections.abc import Callable

from bus.errors import RateLimited
from bus.messages import EventKind
from bus.subjects import Instance
from bus.trail import Trail
from gateway.limits.rules import Rules, Standing, rules_of
from gateway.limits.shared import SharedWindows
from gateway.limits.slots import Slots
from gateway.limits.windows import LocalWindows
from gateway.settings import GatewaySettings

TELL_EVERY_S = 60.0
"""An event for each refusal would make of a flood of requests a flood of events: one tells for a minute."""
MAX_TOLD = 10_000


class Limiter:
    """Counts from `start` to `stop`."""

    def __init__(
        self, rules: Rules, windows: LocalWindows | SharedWindows, trail: Trail, clock: Callable[[], float]
    ) -> None:
        self.rules = rules
        self.slots = Slots(rules.at_once)
        self._windows = windows
        self._trail = trail
        self._clock = clock
        self._told: dict[str, float] = {}

    def start(self) -> None:
        self._windows.start()

    async def stop(self) -> None:
        await self._windows.stop()

    @property
    def shared(self) -> bool:
        """Whether other gateways count with this one now."""
        return isinstance(self._windows, SharedWindows) and self._windows.well.is_set()

    async def standing(self, key: str, cost: int = 1) -> Standing | None:
        """Count `cost` requests of `key`; None: it is not limited."""
        quota = self.rules.requests
        return await self._windows.take(quota, key, cost) if quota is not None else None

    def check(self, standing: Standing | None, key: str, path: str) -> None:
        """Raises RateLimited where `standing` is a refusal."""
        if standing is not None and not standing.allowed:
            raise self._refused(key, _too_many(standing), path=path)

    def take_slot(self, key: str, path: str) -> None:
        """Take one of the slots of `key`, to be given back to `slots`. Raises RateLimited: all are taken."""
        if not self.slots.take(key):
            most = self.slots.most
            error = RateLimited(f"requests: {most} at the same time is the limit", details={"limit": most})
            raise self._refused(f"{key}/at-once", error, path=path)

    async def member_call(self, member: str) -> None:
        """Count a call to `member`. Raises RateLimited."""
        quota = self.rules.member_calls
        if quota is None:
            return
        standing = await self._windows.take(quota, f"member/{member}")
        if not standing.allowed:
            raise self._refused(f"member/{member}", _too_many(standing, of=f" to {member}"), member=member)

    def _refused(self, key: str, error: RateLimited, *, path: str | None = None, member: str = "") -> RateLimited:
        """`error`, told in the trail where that was not done in the last minute."""
        now = self._clock()
        if now - self._told.get(key, -TELL_EVERY_S) >= TELL_EVERY_S:
            if len(self._told) >= MAX_TOLD:
                self._told.clear()
            self._told[key] = now
            kind = EventKind.CALL_DENIED if member else EventKind.ACCESS_DENIED
            who = Instance(member) if member else None
            caller = key.partition("/")[2] if not member else None
            self._trail.tell(kind, who, caller=caller, path=path, code=error.code, reason=error.message)
        return error


def _too_many(standing: Standing, of: str = "") -> RateLimited:
    quota = standing.quota
    return RateLimited(
        f"{quota.name}{of}: {quota.amount} in {quota.window_s} s is the limit",
        details={"limit": quota.amount, "window_s": quota.window_s, "retry_after_s": standing.retry_after_s},
    )


def limiter_of(settings: GatewaySettings, trail: Trail, *, authenticated: bool) -> Limiter:
    """The limiter that the settings mean. Raises CannotShare for a Redis that cannot be asked at all."""
    rules = rules_of(settings, authenticated=authenticated)
    windows: LocalWindows | SharedWindows = LocalWindows()
    if settings.redis_url is not None and rules.any:
        windows = SharedWindows(settings.redis_url.get_secret_value(), patience_s=settings.redis_patience_s)
    return Limiter(rules, windows, trail, time.monotonic)
