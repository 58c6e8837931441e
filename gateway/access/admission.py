"""Who asks: the station before every handler of one port. Tries the ways there are, and lets in or refuses."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from bus.access import Principal
from bus.errors import FederationError, NotAllowed, Unauthenticated
from bus.messages import EventKind
from gateway.access.challenges import HEADER, challenge
from gateway.access.denials import Denials
from gateway.access.facts import Certificate, Facts, read_credentials
from gateway.access.proofs import NOBODY_IN_PARTICULAR, Proof, Way
from gateway.access.rules import WELL_KNOWN, Need, need_of
from gateway.refusals import InsufficientScope, MalformedCredentials

_HEADERS = ("Authorization", "X-Api-Key")
REMEMBERED = 4_096
"""Credentials whose proof is at hand."""

Shown = tuple[bytes, str]
"""The digest of an `Authorization` header, and the resource where it counts."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How callers of a gateway prove who they are; shared by all its ports."""

    ways: Sequence[Way]
    required: bool
    """Whether they must."""
    describes: bool
    """Whether there are authorization servers to send a client to."""
    denials: Denials


class Admission:
    """Lets callers into one port."""

    def __init__(self, ways: Ways, base: str, clock: Callable[[], float] = time.time) -> None:
        """`base` is the URL of the port as clients know it: the audience of access tokens."""
        self._ways = ways
        self._base = base
        self._clock = clock
        self._known: dict[Shown, Proof] = {}

    @property
    def asks(self) -> bool:
        """Whether anything is asked of callers at all."""
        return self._ways.required

    async def admit(self, request: web.Request, route: str) -> Proof:
        """Who sends the request. Raises Unauthenticated, InsufficientScope, MalformedCredentials, IssuerAway."""
        need = need_of(request.method, route)
        if need is not None and need.open:
            return NOBODY_IN_PARTICULAR
        if not self._ways.ways and not self._ways.required:
            return NOBODY_IN_PARTICULAR
        proof: Proof | None = None
        try:
            proof = self._remembered(request, need) or await self._proved(request, need)
            self._check(proof.principal, need)
        except FederationError as exc:
            self._tell(request, route, exc, proof)
            raise
        return proof

    def complete(self, request: web.Request, route: str, answer: web.StreamResponse, error: FederationError) -> None:
        """Say on a refusal what would help."""
        shown = any(name in request.headers for name in _HEADERS)
        need = need_of(request.method, route) or Need()
        text = challenge(error, scope=need.scope, shown=shown, metadata=self._metadata(request, need))
        if text is not None:
            answer.headers[HEADER] = text

    def _check(self, caller: Principal, need: Need | None) -> None:
        if need is None:
            if self._ways.required:
                raise NotAllowed("nobody may ask for this path")
        elif not need.met_by(caller):
            raise InsufficientScope(f"this needs one of the scopes: {need.scope}", details={"needed": need.scope})

    def _remembered(self, request: web.Request, need: Need | None) -> Proof | None:
        """What the same header proved before, where that is all the request shows."""
        key = _shown_alone(request, need)
        proof = self._known.get(key) if key is not None else None
        return proof if proof is not None and proof.again is not None and proof.again(self._clock()) else None

    def _remember(self, request: web.Request, need: Need | None, proof: Proof) -> None:
        key = _shown_alone(request, need)
        if key is not None and proof.again is not None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = proof

    async def _proved(self, request: web.Request, need: Need | None) -> Proof:
        facts = self._facts(request, need)
        for way in self._ways.ways:
            proof = await way.prove(facts)
            if proof is not None:
                self._remember(request, need, proof)
                return proof
        if not self._ways.required:
            return NOBODY_IN_PARTICULAR
        raise Unauthenticated(
            "credentials of this kind are not taken here" if facts.anything else "credentials are needed here"
        )

    def _facts(self, request: web.Request, need: Need | None) -> Facts:
        found = request.headers
        lines = [(name.lower(), value) for name in _HEADERS for value in found.getall(name, ())]
        token, key = read_credentials(lines, request.rel_url.raw_query_string)
        resource = self._base + request.path if need is not None and need.resource else self._base
        return Facts(token, key, _certificate(request), resource, self._base, self._clock())

    def _metadata(self, request: web.Request, need: Need) -> str | None:
        if not self._ways.describes:
            return None
        return f"{self._base}{WELL_KNOWN}{request.path if need.resource else ''}"

    def _tell(self, request: web.Request, route: str, error: FederationError, proof: Proof | None) -> None:
        if isinstance(error, NotAllowed | Unauthenticated | MalformedCredentials):
            self._ways.denials.tell(
                EventKind.ACCESS_DENIED,
                caller=proof.principal.name if proof is not None else "",
                peer=request.remote or "",
                path=route,
                method=request.method[:16],
                code=error.code,
                reason=error.message,
            )


def _shown_alone(request: web.Request, need: Need | None) -> Shown | None:
    """None: the request shows more, or something else, and has to be looked at."""
    shown = request.headers.getall("Authorization", ())
    if len(shown) != 1 or "X-Api-Key" in request.headers or request.rel_url.raw_query_string:
        return None
    digest = hashlib.sha256(shown[0].encode("utf-8", "surrogateescape")).digest()
    return digest, request.path if need is not None and need.resource else ""


def _certificate(request: web.Request) -> Certificate | None:
    if request.transport is None:
        return None
    found: Certificate | None = request.transport.get_extra_info("peercert")
    return found or None
