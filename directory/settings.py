"""What a directory may be told about when it believes a member."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bus.compact import MAX_SKEW_S, SKEW_S
from bus.names import ID_PATTERN


class DirectorySettings(BaseSettings):
    """When a silent instance is stale, and when it is gone. Read from `OMEGA_DIRECTORY_…` in the environment."""

    model_config = SettingsConfigDict(env_prefix="OMEGA_DIRECTORY_", extra="ignore")

    lease_factor: float = Field(default=3.0, ge=1.5, le=20)
    """An instance is stale after `lease_factor` × its heartbeat interval of silence: 90 s at the interval of 30 s.
    Lower finds the dead sooner at the expense of probing members whose network hiccups."""

    remove_after_s: float = Field(default=300.0, gt=0, le=7 * 86_400)
    """A stale instance is removed after so much silence (never before two leases). Higher keeps members listed as
    stale through a longer outage of their own."""

    sweep_interval_s: float = Field(default=1.0, gt=0, le=60)
    """How often leases are looked at; the precision of both times above."""

    probe_timeout_s: float = Field(default=1.0, gt=0, le=30)
    """How long a silent instance may take to answer "are you there" before it is called stale."""

    tombstone_s: int = Field(default=3_600, ge=1, le=30 * 86_400)
    """How long the registry remembers that an instance left, so that a delayed older registration stays refused."""

    heartbeat_gather_s: float = Field(default=0.1, ge=0, le=1)
    """Heartbeats come on a connection of their own and are taken in together, at most so late. Waking for each costs
    ten times more than reading it; nothing waits for one."""

    gap_check_s: float = Field(default=2.0, gt=0, le=60)
    """How often a replica compares its place in the change feed with the storage: the longest a lost last change
    stays unseen, at one small request each time."""

    system_url: SecretStr | None = None
    """A NATS URL with user and password of the server's system account. Set, the server's own word that a connection
    was lost has its member asked at once: a killed member is stale within a second, and not when its lease is over."""

    system_credentials: Path | None = None
    """The file of credentials for `system_url` (`omega trust system`), where the servers want them instead of a
    password."""

    sites: tuple[Annotated[str, Field(pattern=ID_PATTERN)], ...] = ()
    """JetStream domains of other sites. Set (`["east","west"]`), this directory is a window at the hub: it answers
    questions about the members of all of them, and registers nobody. Each site has directories of its own."""

    site_check_s: float = Field(default=1.0, gt=0, le=60)
    """How often the registry of a site is looked at, at one small request each time: how late a change is seen here."""

    site_away_s: float = Field(default=5.0, gt=0, le=3_600)
    """A site that did not answer for so long is cut off, and its members are shown as stale. Lower tells the truth
    sooner at the expense of false alarms on a slow link."""

    trust_store: Path | None = None
    """Public keys that may sign manifests, each bound to ids: a JWKS file or a folder of them, looked at every second.
    One that turns out broken keeps the last good one in force; at the start it keeps the directory from starting."""

    signatures: Literal["off", "verify", "require"] | None = None
    """What signed manifests are worth. `off`: none is taken. `verify`: a bad one is refused, and a signed member is
    displaced by an unsigned manifest of its owner only. `require`: nothing unsigned is taken. Unset: `verify` with a
    trust store, else `off`. Members that are there when this is changed stay until they register again."""

    signature_skew_s: float = Field(default=SKEW_S, ge=0, le=MAX_SKEW_S)
    """How far a signer's clock may be from this one. Higher takes expired and future signatures for so much longer."""

    signature_lifetime_s: float = Field(default=30 * 86_400.0, gt=0, le=400 * 86_400)
    """Longest a signature may be valid. A registry remembers who left until the signature is over, so that it cannot
    be used again: lower keeps less, at the expense of signing more often."""

    write_concurrency: int = Field(default=64, ge=1, le=1_000)
    """Registrations being written at once. More wait their turn: a fleet that returns at once is served in order."""

    @model_validator(mode="after")
    def _checks_against_something(self) -> DirectorySettings:
        if self.signatures in ("verify", "require") and self.trust_store is None:
            raise ValueError(f"signatures: {self.signatures} needs a trust_store to check against")
        return self

    @property
    def policy(self) -> Literal["off", "verify", "require"]:
        """What `signatures` means where it is unset."""
        return self.signatures or ("off" if self.trust_store is None else "verify")
