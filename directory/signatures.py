"""What signed manifests are worth here: the deployment's policy, put to one registration at a time."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bus.compact import Reason
from bus.errors import InvalidRequest, NotAllowed
from bus.manifest import digest, read_manifest
from bus.signing import Check, SignedManifest, verify_token
from bus.subjects import Instance
from bus.truststore import TrustStore, WatchedStore
from directory.admission import Announcement
from directory.clock import Clock
from directory.member import Member
from directory.ownership import Claim
from directory.settings import DirectorySettings

_EMPTY = TrustStore()


@dataclass(frozen=True, slots=True)
class Signatures:
    """The policy and the keys. `store` gives the keys in force now."""

    policy: str = "off"
    check: Check = field(default_factory=Check)
    store: Callable[[], TrustStore] = lambda: _EMPTY
    look: Callable[[], Awaitable[None]] | None = None
    """Looks whether there are other keys by now."""
    clock: Clock = time.time

    @staticmethod
    def of(settings: DirectorySettings, keys: WatchedStore | None) -> Signatures:
        check = Check(settings.signature_skew_s, settings.signature_lifetime_s)
        if keys is None:
            return Signatures(settings.policy, check)
        return Signatures(settings.policy, check, lambda: keys.current, keys.look)

    async def registration(self, body: Mapping[str, Any], who: Instance) -> Announcement:
        """As `read`. A key that is not known is looked for once more: it may have come a moment ago."""
        try:
            return self.read(body, who)
        except NotAllowed as exc:
            if self.look is None or (exc.details or {}).get("reason") not in (Reason.UNKNOWN_KEY, Reason.FOREIGN_KEY):
                raise
        await self.look()
        return self.read(body, who)

    def read(self, body: Mapping[str, Any], who: Instance) -> Announcement:
        """The registration in a request's body. Raises NotAllowed, InvalidRequest, Malformed, TooLarge."""
        if "signed" in body and "id" not in body:
            return self._read_signed(body["signed"], who)
        if self.policy == "require":
            raise NotAllowed(f"{who.member}: this directory takes signed manifests only", details=_REQUIRED)
        manifest = read_manifest(dict(body), member=who.member)
        epoch = manifest.pop("epoch", None)
        return Announcement(who, manifest, digest(manifest), epoch)

    def _read_signed(self, token: Any, who: Instance) -> Announcement:
        if self.policy == "off":
            raise NotAllowed(
                "signed: this directory has no trusted keys to check a signed manifest against",
                details={"reason": Reason.SIGNATURES_OFF.value},
            )
        if not isinstance(token, str):
            raise InvalidRequest("signed: a compact JWS, in a string", details={"field": "signed"})
        found = verify_token(token, self.store(), now=self.clock(), check=self.check)
        _same(found, who)
        manifest = dict(found.manifest)
        return Announcement(who, manifest, digest(manifest), found.epoch, token, found.iat, found.kid)

    def check_plain(self, claim: Claim, owner: str | None, member: Member | None) -> None:
        """Whether an unsigned registration may stand beside the member's. Raises NotAllowed.

        What was signed gives way to nothing unsigned, but to its owner's own word.
        """
        if self.policy == "off" or member is None or (claim.principal is not None and claim.principal == owner):
            return
        if not claim.companion and any(record.signed is not None for record in member.instances):
            raise NotAllowed(f"{member.id}: its manifest is signed, and this one is not", details=_REQUIRED)


_REQUIRED = {"reason": Reason.SIGNATURE_REQUIRED.value}


def _same(found: SignedManifest, who: Instance) -> None:
    """What was signed for one cannot be used for another."""
    if found.member != who.member:
        raise NotAllowed(
            f"signed: for {found.member}, and the subject names {who.member}",
            details={"reason": Reason.ID_MISMATCH.value},
        )
    if found.instance != who.instance:
        raise NotAllowed(
            f"signed: for the instance {found.instance}, and the subject names {who.instance}",
            details={"reason": Reason.INSTANCE_MISMATCH.value},
        )
