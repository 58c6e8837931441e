"""Counting in Redis, so that several gateways share one limit; in this process while Redis is away.

No request waits for Redis longer than a few milliseconds, and none waits for a connection to it: whether Redis is
well is found out beside the requests, by counting something the way a request is counted. The one file that knows
Redis.
"""

from __future__ import annotations

import asyncio
import time
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError

from gateway.limits.rules import Quota, Standing
from gateway.limits.windows import LocalWindows

try:
    from redis import asyncio as redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError

    _OF_REDIS: tuple[type[Exception], ...] = (RedisError,)
    INSTALLED = True
except ModuleNotFoundError:  # the extra `redis`
    _OF_REDIS, INSTALLED = (), False

_NONSENSE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError)
"""What the client stumbles over when something else than Redis answers."""
NOT_WELL: tuple[type[Exception], ...] = (*_OF_REDIS, *_NONSENSE, StorageError, OSError, EOFError)
NAMESPACE = "omega"
TRIAL = Quota("trial", 1_000_000)
TRIAL_S = 1.0
"""Between two trials, and how long one may take."""
SLOW_IN_A_ROW = 3
"""After so many requests in a row that did not wait for Redis it is away. One may be our own slowness."""
CONNECTIONS = 32
"""Requests that ask Redis at the same time. What comes on top is counted here: it would only wait."""

log = structlog.get_logger(__name__)


class CannotShare(Exception):
    """The setting cannot be followed, however often it is tried. The message tells no password."""


class SharedWindows:
    """Windows in Redis at `url`, held up by those of this process."""

    def __init__(self, url: str, *, patience_s: float) -> None:
        """Raises CannotShare: no URL of Redis, or the extra `redis` is not installed."""
        self._place = place_of(url)
        if not INSTALLED:
            raise CannotShare("OMEGA_REDIS_URL needs the extra `redis`: pip install 'omega-federation[redis]'")
        self.local = LocalWindows()
        self.well = asyncio.Event()
        """Redis counts now."""
        self._patience_s = patience_s
        self._pool = _pool(url)
        # The library gets the pool, and an address without the login that is in `url`.
        storage = RedisStorage("async+redis://", implementation="redispy", connection_pool=self._pool)
        self._strategy = SlidingWindowCounterRateLimiter(storage)
        self._asking = 0
        self._slow = 0
        self._told_away = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.local.start()
        self._task = asyncio.create_task(self._keep_looking(), name="limits-redis")

    async def stop(self) -> None:
        await self.local.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._pool.disconnect()

    async def take(self, quota: Quota, key: str, cost: int = 1) -> Standing:
        """As `LocalWindows.take`. Never raises, and never waits longer than its patience."""
        if self.well.is_set() and self._asking < CONNECTIONS:
            standing = await self._asked(quota, key, cost)
            if standing is not None:
                return standing
        return await self.local.take(quota, key, cost)

    async def _asked(self, quota: Quota, key: str, cost: int) -> Standing | None:
        self._asking += 1
        try:
            async with asyncio.timeout(self._patience_s):
                standing = await taken(self._strategy, quota, key, cost)
        except TimeoutError:
            self._slow += 1
            if self._slow >= SLOW_IN_A_ROW:
                self._away("slow")
            return None
        except NOT_WELL as exc:
            self._away(type(exc).__name__)
            return None
        finally:
            self._asking -= 1
        self._slow = 0
        return standing

    def _away(self, reason: str) -> None:
        self.well.clear()
        if not self._told_away:
            self._told_away = True
            log.warning("shared_limits_away", redis=self._place, reason=reason, counted="in this process alone")

    async def _keep_looking(self) -> None:
        while True:
            if not self.well.is_set():
                await self._try()
            await asyncio.sleep(TRIAL_S / 4 if not self.well.is_set() else TRIAL_S)

    async def _try(self) -> None:
        try:
            async with asyncio.timeout(TRIAL_S):
                await taken(self._strategy, TRIAL, "trial", 1)
        except NOT_WELL as exc:
            self._away(type(exc).__name__)
            return
        log.info("shared_limits_back" if self._told_away else "shared_limits", redis=self._place)
        self._told_away, self._slow = False, 0
        self.well.set()


async def taken(strategy: SlidingWindowCounterRateLimiter, quota: Quota, key: str, cost: int) -> Standing:
    """One request counted by the library's `strategy`."""
    item = _item(quota)
    allowed = await strategy.hit(item, key, cost=cost)
    stats = await strategy.get_window_stats(item, key)
    left = max(0.0, min(stats.reset_time - time.time(), float(quota.window_s)))
    return Standing(quota, allowed, max(0, int(stats.remaining)), left)


@lru_cache(maxsize=64)
def _item(quota: Quota) -> RateLimitItemPerSecond:
    return RateLimitItemPerSecond(quota.amount, quota.window_s, f"{NAMESPACE}/{quota.name}")


def place_of(url: str) -> str:
    """Where Redis is, for the log: host and port, never the login. Raises CannotShare, which does not repeat it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise CannotShare("OMEGA_REDIS_URL: its host or port cannot be read") from exc
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise CannotShare("OMEGA_REDIS_URL: redis://[user:password@]host:port/number, or rediss:// for TLS")
    return f"{parts.hostname}:{port or 6379}"


def _pool(url: str) -> Any:
    """Connections that are tried once: whoever asks has something better to do than wait for the next attempt."""
    try:
        return redis.ConnectionPool.from_url(
            url,
            max_connections=2 * CONNECTIONS,
            socket_connect_timeout=TRIAL_S,
            socket_timeout=TRIAL_S,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
        )
    except ValueError as exc:
        raise CannotShare("OMEGA_REDIS_URL: it cannot be read") from exc
