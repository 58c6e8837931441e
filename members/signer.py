"""Signs a member's manifest: the same signature again while it is good for long enough, else a new one.

The key is read anew for each signature, so that a file that was replaced is used from then on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from bus.errors import InvalidRequest
from bus.keyfiles import read_signing_key
from bus.signing import Terms, sign_manifest
from bus.truststore import SigningKey

log = structlog.get_logger(__name__)


class Signer:
    """One instance's signatures. Its methods block for a moment: they read a file and do arithmetic."""

    def __init__(
        self,
        path: Path | str,
        kid: str | None = None,
        *,
        lifetime_s: float = 3_600.0,
        instance: str = "default",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises InvalidRequest for a key that is none, or that others may read."""
        self._path = Path(path)
        self._kid = kid
        self._lifetime_s = lifetime_s
        self._instance = instance
        self._clock = clock
        self._key = read_signing_key(self._path, kid)
        self._last: tuple[Mapping[str, Any], int, str] | None = None
        self._signed_at = 0.0

    def token(self, manifest: Mapping[str, Any], epoch: int, *, afresh: bool = False) -> str:
        """The manifest as a compact JWS. The last one, where nothing changed and half of its time is left.

        `afresh`: another one in any case. Raises InvalidRequest, TooLarge for a manifest that no directory takes.
        """
        if self._last is not None and not afresh and self.due_in > 0 and self._last[:2] == (manifest, epoch):
            return self._last[2]
        issued = max(self._clock(), self._signed_at + 0.001)  # the later signature must be seen to be the later one
        terms = Terms(epoch, issued, self._lifetime_s, self._instance)
        token = sign_manifest(manifest, self._current_key(), terms)
        self._last, self._signed_at = (dict(manifest), epoch, token), issued
        return token

    @property
    def due_in(self) -> float:
        """Seconds until the last signature should be replaced: half of its lifetime."""
        return self._signed_at + self._lifetime_s / 2 - self._clock()

    def _current_key(self) -> SigningKey:
        try:
            self._key = read_signing_key(self._path, self._kid)
        except InvalidRequest as exc:
            log.error("signing_key_not_read", reason=exc.message, kept=self._key.kid)
        return self._key
