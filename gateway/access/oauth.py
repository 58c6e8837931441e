"""The way in for those who hold an OAuth access token. What was verified once is remembered until the token expires."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import aiohttp

from bus.bearer import Granted, Rules, check_algorithm, granted, read_head
from bus.errors import Unauthenticated
from gateway.access.facts import Facts
from gateway.access.issuers import IssuerKeys
from gateway.access.proofs import Proof
from gateway.access.settings import OAuthIssuer

REMEMBERED = 10_000
"""Tokens that are not verified again; one more, and the one used longest ago is."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """An issuer with its keys."""

    rules: Rules
    keys: IssuerKeys


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that was found good with keys of that version."""

    granted: Granted
    trusted: Trusted
    version: int

    def again(self, now: float) -> bool:
        """Whether it is good still, and the keys are those it was found good with; they are kept fresh meanwhile."""
        self.trusted.keys.refresh_soon()
        return now < self.granted.expires and self.trusted.keys.version == self.version

    def not_over(self, now: float) -> bool:
        """Whether its time is not over."""
        return now < self.granted.expires


class OAuth:
    """Verifies access tokens."""

    def __init__(self, issuers: Sequence[OAuthIssuer], audiences: Collection[str], http: aiohttp.ClientSession) -> None:
        self._audiences = frozenset(audiences)
        self._trusted = {one.issuer: Trusted(rules_of(one), IssuerKeys(one, http)) for one in issuers}
        self._verified: OrderedDict[tuple[bytes, str], Verified] = OrderedDict()

    async def stop(self) -> None:
        for trusted in self._trusted.values():
            await trusted.keys.stop()

    async def prove(self, facts: Facts) -> Proof | None:
        """Whose token was shown."""
        if facts.token is None:
            return None
        key = (hashlib.sha256(facts.token.encode()).digest(), facts.resource)
        known = self._verified.get(key)
        if known is None or not known.again(facts.now):
            known = self._remember(key, await self._verify(facts.token, facts))
        return Proof(known.granted.principal, known.not_over, known.again)

    async def _verify(self, token: str, facts: Facts) -> Verified:
        head = read_head(token)
        trusted = self._trusted.get(head.issuer)
        if trusted is None:
            raise Unauthenticated("the access token is of an issuer that is not trusted here")
        check_algorithm(head, trusted.rules)
        key = await trusted.keys.key(head)
        if key is None:
            raise Unauthenticated("the access token is signed with a key that its issuer does not show")
        audiences = {facts.resource, facts.base, *self._audiences}
        found = granted(token, key, trusted.rules, audiences=audiences, now=facts.now)
        return Verified(found, trusted, trusted.keys.version)

    def _remember(self, key: tuple[bytes, str], verified: Verified) -> Verified:
        self._verified[key] = verified
        self._verified.move_to_end(key)
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)
        return verified


def rules_of(issuer: OAuthIssuer) -> Rules:
    """What the tokens of an issuer are held to."""
    return Rules(
        issuer=issuer.issuer,
        label=issuer.label,
        algorithms=frozenset(issuer.algorithms),
        name_claim=issuer.name_claim,
        scope_claims=issuer.scope_claims,
        scopes=issuer.scopes,
    )
