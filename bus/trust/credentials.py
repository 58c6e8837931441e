"""Credentials as a file: who a connection is, and the secret that proves it.

Two forms, both readable by the stock `nats` command: a `.creds` file (a token of NATS and a seed), and a file with a
seed alone for servers that list public keys. What the seed alone does not say is in comment lines before it.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bus.errors import FederationError, InvalidRequest, NotAllowed
from bus.trust.claims import NotAToken, read_token
from bus.trust.nkeys import KeyPair, Kind, NotAKey
from bus.trust.rights import Identity, checked_identity

MAX_FILE = 64 << 10
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----\s*(\S+)\s*-+END [A-Z ]+-+")
_COMMENT = re.compile(r"^# identity: ([a-z-]+)/(\S+)$", re.MULTILINE)
_ROLE = "role:"


class BadCredentials(NotAllowed):
    """The file holds no credentials that could be used; the message names the file and the reason."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who a connection is, and how it proves it."""

    identity: Identity
    key: KeyPair = field(repr=False)
    token: str | None = field(default=None, repr=False)
    """The account's word about the key; None where the server knows the key itself."""
    expires: int | None = None
    """Unix seconds from which the token holds no more."""

    def signature(self, nonce: str) -> bytes:
        """What a server that sent `nonce` wants to see, as text."""
        return base64.urlsafe_b64encode(self.key.sign(nonce.encode())).rstrip(b"=")


def written(credentials: Credentials) -> str:
    """The text of the file."""
    lines = [f"# identity: {credentials.identity}", "# Keep it secret: whoever has this file is that identity."]
    if credentials.token is not None:
        lines += ["-----BEGIN NATS USER JWT-----", credentials.token, "------END NATS USER JWT------", ""]
    lines += ["-----BEGIN USER NKEY SEED-----", credentials.key.seed, "------END USER NKEY SEED------", ""]
    return "\n".join(lines)


def parsed(text: str) -> Credentials:
    """The credentials in `text`. Raises BadCredentials."""
    blocks = dict(_BLOCK.findall(text))
    try:
        key = KeyPair.from_seed(blocks.get("USER NKEY SEED", ""), Kind.USER)
        token = blocks.get("NATS USER JWT")
        if token is None:
            return Credentials(_from_comment(text), key)
        return _from_token(token, key)
    except (NotAKey, NotAToken, InvalidRequest) as exc:
        raise BadCredentials(f"credentials: {exc}") from exc


def read_credentials(path: Path) -> Credentials:
    """The credentials in the file. Raises BadCredentials, also where other users of the machine may read it."""
    text = read_secret(path)
    try:
        return parsed(text)
    except BadCredentials as exc:
        raise BadCredentials(f"{path}: {exc.message}") from exc


def read_secret(path: Path, refuse: Callable[[str], FederationError] = BadCredentials) -> str:
    """The text of a file that only its owner may read. Raises what `refuse` makes of the reason."""
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & 0o077:
                raise refuse(f"{path}: other users may read it (mode {mode & 0o777:o}): chmod 600")
            return file.read(MAX_FILE)
    except (OSError, UnicodeDecodeError) as exc:
        raise refuse(f"{path}: {getattr(exc, 'strerror', None) or 'not text'}") from exc


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may read; whoever reads it sees the old text or the new. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _from_comment(text: str) -> Identity:
    found = _COMMENT.search(text)
    if found is None:
        raise BadCredentials("credentials: a seed without `# identity: ROLE/NAME` before it")
    return checked_identity(found[1], found[2])


def _from_token(token: str, key: KeyPair) -> Credentials:
    claims = read_token(token)
    if claims.get("sub") != key.public:
        raise BadCredentials("credentials: token and seed are of two keys")
    tags = claims.get("nats", {}).get("tags", [])
    role = next((tag.removeprefix(_ROLE) for tag in tags if tag.startswith(_ROLE)), "")
    return Credentials(checked_identity(role, str(claims.get("name", ""))), key, token, claims.get("exp"))
