"""API keys for a test, made as `omega token` makes them."""

from __future__ import annotations

import secrets
import time

from bus import Bus
from bus.apikeys import KEY_BYTES, KeyRecord, hashed, minted
from bus.keystore import KeyStore


async def key_for(bus: Bus, name: str, scopes: str, *, expires_in: float | None = 3_600.0) -> str:
    """A new key of `name` that is stored already."""
    key = minted(secrets.token_bytes(KEY_BYTES))
    now = time.time()
    record = KeyRecord(name=name, scopes=scopes, created=now, expires=None if expires_in is None else now + expires_in)
    await KeyStore(bus).add(hashed(key), record)
    return key


async def revoke(bus: Bus, key: str) -> None:
    """Revoke it; stored when this returns."""
    store = KeyStore(bus)
    (found,) = await store.named(hashed(key))
    await store.revoke(found, time.time())


def bearer(key: str) -> dict[str, str]:
    """The header that shows it."""
    return {"Authorization": f"Bearer {key}"}
