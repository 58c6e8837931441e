"""The limiter around every request: counted before its handler, its slot held until the handler ended, however.

An answer tells its caller what the limits are and what is left of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.limits.limiter import Limiter
from gateway.limits.rules import POLICY, REMAINING, Standing

CountedAs = Callable[[web.Request], str]
Telling = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


@dataclass(slots=True)
class Counted:
    """A request that is limited."""

    limiter: Limiter
    key: str
    path: str
    standing: Standing | None = None

    async def charge(self, cost: int) -> None:
        """Count `cost` requests. Raises RateLimited."""
        self.standing = await self.limiter.standing(self.key, cost)
        self.limiter.check(self.standing, self.key, self.path)


COUNTED = web.RequestKey("counted", Counted)


def limiting(limiter: Limiter, counted_as: CountedAs, exempt: Collection[str]) -> Middleware:
    """The middleware. Its refusals are RateLimited, for whoever is around it to answer with; `exempt` are the routes
    by which machines ask whether the gateway is well."""

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        if resource is not None and resource.canonical in exempt:
            return await handler(request)
        counted = request[COUNTED] = Counted(limiter, counted_as(request), request.path[:200])
        limiter.take_slot(counted.key, counted.path)
        try:
            await counted.charge(1)
            return await handler(request)
        finally:
            limiter.slots.give_back(counted.key)

    return limit


def telling(limiter: Limiter) -> Telling:
    """What is to be done with every answer before it is sent."""
    policy = limiter.rules.policy

    async def tell(request: web.Request, answer: web.StreamResponse) -> None:
        counted = request.get(COUNTED)
        if counted is None or not policy:
            return
        answer.headers[POLICY] = policy
        if counted.standing is not None:
            answer.headers[REMAINING] = counted.standing.field

    return tell


async def charge(request: web.Request, more: int) -> None:
    """Count a request that carries `more` than one of them, where requests are limited. Raises RateLimited."""
    counted = request.get(COUNTED)
    if counted is not None and more > 0:
        await counted.charge(more)
