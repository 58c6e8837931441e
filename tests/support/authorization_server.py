"""A small authorization server: it issues signed access tokens, shows its keys, and changes them when told to."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

Key = RSAKey | ECKey | OKPKey
MAKERS = {
    "RS256": lambda kid: RSAKey.generate_key(2048, {"kid": kid}),
    "ES256": lambda kid: ECKey.generate_key("P-256", {"kid": kid}),
    "Ed25519": lambda kid: OKPKey.generate_key("Ed25519", {"kid": kid}),
}


class AuthorizationServer:
    """Issues tokens as `issuer`; `asked` counts how often its keys were fetched."""

    def __init__(self) -> None:
        self.url = ""
        self.asked = 0
        self.away = False
        self.keys: dict[str, Key] = {}
        self.current = ""
        self.algorithm = ""
        self.rotate("RS256")

    def rotate(self, algorithm: str, *, keep: bool = True) -> None:
        """Sign with a new key from now on; without `keep` the former ones are shown no more."""
        kid = f"key-{len(self.keys)}-{time.monotonic_ns()}"
        self.keys = {**(self.keys if keep else {}), kid: MAKERS[algorithm](kid)}
        self.current, self.algorithm = kid, algorithm

    def claims(self, audience: str, **more: Any) -> dict[str, Any]:
        """What a good token says; a claim that is None is left out."""
        now = int(time.time())
        said = {
            "iss": self.url,
            "sub": "alice",
            "aud": audience,
            "iat": now,
            "exp": now + 300,
            "scope": "discover call",
        }
        return {name: value for name, value in {**said, **more}.items() if value is not None}

    def token(self, audience: str, *, header: dict[str, Any] | None = None, **more: Any) -> str:
        """A token for `audience`, signed with the current key."""
        head = {"alg": self.algorithm, "kid": self.current, "typ": "at+jwt", **(header or {})}
        return jwt.encode(head, self.claims(audience, **more), self.keys[self.current], algorithms=[self.algorithm])

    @property
    def issuer(self) -> dict[str, Any]:
        """As the gateway's settings name it."""
        return {"issuer": self.url, "jwks_url": f"{self.url}/jwks"}

    async def _jwks(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.away:
            return web.Response(status=503)
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.keys.values()]})


@asynccontextmanager
async def authorization_server() -> AsyncIterator[AuthorizationServer]:
    """One on a free port of loopback."""
    server = AuthorizationServer()
    app = web.Application()
    app.router.add_get("/jwks", server._jwks)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()
