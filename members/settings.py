"""What a member's process may be told about how it serves."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bus.names import ID_PATTERN


class MemberSettings(BaseSettings):
    """How a member announces itself and takes calls. Read from `OMEGA_MEMBER_…` in the environment."""

    model_config = SettingsConfigDict(env_prefix="OMEGA_MEMBER_", extra="ignore")

    instance: str | None = Field(default=None, pattern=ID_PATTERN)
    """Name of this copy. Unset: a random one, so that any number of copies run side by side. Set it where the copy
    should be recognised after a restart; two running copies of one name displace each other."""

    heartbeat_interval_s: float = Field(default=10.0, ge=0.2, le=3_600)
    """Pause between two heartbeats. The lease is three of them: lower finds a frozen member sooner at the expense of
    one small message each to every directory replica."""

    limit: int = Field(default=64, ge=1, le=10_000)
    """Calls served at once. One more is answered "busy, not executed" at once, so that its caller can go elsewhere;
    it is never queued here."""

    max_streams: int = Field(default=1_000, ge=1, le=1_000_000)
    """Subscriptions (`subscriptions/listen`) held open at once. They wait and cost memory only, so they do not count
    against `limit`; one more is answered "busy"."""

    max_call_s: float = Field(default=600.0, gt=0, le=86_400)
    """Longest a call may run, whatever its caller allows."""

    max_body_bytes: int = Field(default=16 << 20, ge=1 << 16, le=256 << 20)
    """Largest arguments taken and largest result sent. Above one bus message (1 MiB) both travel in pieces, each held
    in memory until the last is there: higher lets fewer callers fill the memory."""

    state_keys: SecretStr | None = None
    """Secrets (comma-separated, the first seals, all open) under which a tool's question to the client travels.
    Unset: a key of this process alone, and an answer that reaches another instance is refused. Set it to the same
    value for all instances of a member that asks questions."""

    drain_s: float = Field(default=20.0, ge=0, le=600)
    """How long calls in flight may still run after the member was told to stop. What is not done then is cut off."""

    site: str | None = Field(default=None, pattern=ID_PATTERN)
    """Where this copy runs, shown in its manifest."""

    signing_key: Path | None = None
    """The private key that the manifest is signed with: a file with a JWK, or PEM without a password, that only its
    owner may read. It is read anew for each signature. Unset: the manifest is not signed."""

    signing_kid: str | None = Field(default=None, min_length=1, max_length=128)
    """The name of that key in the trust stores. Unset: the one in the file, else the key's thumbprint."""

    signing_lifetime_s: float = Field(default=3_600.0, ge=10, le=30 * 86_400)
    """How long a signature is valid. The manifest is signed again at half of that. Lower leaves less time to use a
    stolen one elsewhere, at the expense of a registration each time."""
