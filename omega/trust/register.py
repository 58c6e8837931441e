"""What a deployment issued, and what of it holds no more: the list its servers and its people go by.

The credentials themselves are meant to move to the machines that use them; this stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bus.trust.credentials import BadCredentials, read_secret, write_secret
from bus.trust.rights import Identity


@dataclass(frozen=True, slots=True)
class Issued:
    """One key or certificate that was made out to somebody."""

    identity: Identity
    public: str
    """Its public key, or a certificate's serial number in hexadecimal."""
    at: int
    """When, in Unix seconds."""
    expires: int | None = None
    revoked: int | None = None

    def holds(self, now: int) -> bool:
        """Whether it is neither revoked nor over at `now`."""
        return self.revoked is None and (self.expires is None or now < self.expires)


_FORM = TypeAdapter(tuple[Issued, ...])


class Register:
    """The file of what was issued, oldest first. Everything raises OSError, BadCredentials (not our file)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> tuple[Issued, ...]:
        if not self._path.exists():
            return ()
        try:
            return _FORM.validate_json(read_secret(self._path))
        except ValidationError as exc:
            raise BadCredentials(f"{self._path}: not a list of what was issued") from exc

    def add(self, issued: Issued) -> None:
        self._write((*self.all(), issued))

    def revoke(self, identity: Identity, now: int, *, but_newest: bool = False) -> list[Issued]:
        """Mark what `identity` holds, with `but_newest` all but what it got last. Returns what was marked."""
        everything = self.all()
        held = [one for one in everything if one.identity == identity and one.holds(now)]
        ended = held[:-1] if but_newest else held
        self._write(tuple(replace(one, revoked=now) if one in ended else one for one in everything))
        return ended

    def _write(self, everything: tuple[Issued, ...]) -> None:
        write_secret(self._path, _FORM.dump_json(everything, indent=1).decode() + "\n")
