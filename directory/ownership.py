"""Who owns a member id, and what that leaves to others. Decisions only.

The first that proves who it is owns the id, until an operator gives it to another. A proof is a connection with
credentials of the member (`bus:ID`), a caller that a gateway let in (`http:NAME`), or a trusted key that may sign for
the id (`key:KID`). Nobody in particular owns nothing and displaces no owner; an id without an owner is anybody's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from bus import headers
from bus.access import NAME_PATTERN
from bus.errors import Conflict, InvalidRequest, Malformed, NotAllowed
from bus.message import Message
from bus.names import is_id
from bus.subjects import Instance, Subjects

COMPANION = "adopted-"
"""How the instances are named that an adopter adds to members which live on HTTP."""
_NAME = re.compile(NAME_PATTERN[1:-1])


@dataclass(frozen=True, slots=True)
class Claim:
    """Who says something of a member, as far as it is proven."""

    principal: str | None = None
    """`bus:ID` or `http:NAME`; None: nobody in particular."""
    key: str | None = None
    """The trusted key it is signed with, which may sign for the id."""
    companion: bool = False
    """It stands beside the owner, as only adopters and the member itself can, and never becomes one."""

    @property
    def told(self) -> str | None:
        """For the audit trail: who it was, in a word."""
        return self.principal or (f"key:{self.key}" if self.key else None)


NOBODY = Claim()


@dataclass(frozen=True, slots=True)
class Ownership:
    """What is stored of an id."""

    owner: str | None
    """None: it was released."""
    since: float = 0.0
    """Unix seconds; 0 where nothing is said."""

    @staticmethod
    def from_bytes(data: bytes) -> Ownership:
        """What an entry of the bucket says. Raises Malformed for one that is no object of JSON."""
        try:
            told = orjson.loads(data)
        except orjson.JSONDecodeError as exc:
            raise Malformed(f"not an owner: {exc}") from exc
        if not isinstance(told, dict):
            raise Malformed("not an owner: no object")
        owner = told["owner"] if isinstance(told.get("owner"), str) else None
        since = told["since"] if isinstance(told.get("since"), int | float) else 0.0
        return Ownership(owner, float(since))


def claim_of(message: Message, who: Instance | None, subjects: Subjects, *, identified: bool) -> Claim:
    """Who sent a presence message. Raises InvalidRequest for a caller's name that is none.

    On a bus with identities (`identified`) a subject can be used by the member it names alone, and a gateway's
    subjects by gateways alone. The header that names a caller counts nowhere else.
    """
    if subjects.is_on_behalf(message.subject):
        name = message.headers.get(headers.CALLER)
        if name is None:
            return NOBODY
        if not _NAME.fullmatch(name):
            raise InvalidRequest(f"{headers.CALLER}: not the name of a caller", details={"field": headers.CALLER})
        return Claim(f"http:{name}")
    if not identified or who is None:
        return NOBODY
    if who.instance.startswith(COMPANION):
        return Claim(companion=True)
    return Claim(f"bus:{who.member}")


def registering(member: str, owner: str | None, claim: Claim) -> str | None:
    """The owner after a registration. Raises Conflict (another owns the id), NotAllowed (nobody in particular asks).

    A trusted key is the operator's word: it may always register, and whoever it proves to be owns the id from then on.
    """
    if claim.key is not None:
        return claim.principal or owner or f"key:{claim.key}"
    if owner is None:
        return claim.principal
    if claim.companion or claim.principal == owner:
        return owner
    if claim.principal is None:
        raise NotAllowed(f"{member}: it has an owner; prove to be that one", details={"reason": "not_owner"})
    raise Conflict(f"{member}: another owns this id; an operator can transfer it", details={"reason": "owned"})


def check_speaker(member: str, owner: str | None, claim: Claim) -> None:
    """Whether a heartbeat or a leave counts. Raises NotAllowed.

    They are never signed. Where all that is known of the owner is a key, they count from whoever could be it: nobody
    in particular, and the member's own credentials.
    """
    if owner is None or claim.companion or claim.principal == owner:
        return
    if owner.startswith("key:") and claim.principal in (None, f"bus:{member}"):
        return
    raise NotAllowed(f"{member}: only its owner may say this", details={"reason": "not_owner"})


def checked_owner(value: str) -> str:
    """`value`, when it can be an owner: `bus:ID`, `http:NAME` or `key:KID`. Raises InvalidRequest."""
    kind, _, name = value.partition(":")
    good = {"bus": is_id(name), "http": _NAME.fullmatch(name) is not None, "key": 0 < len(name) <= 128}
    if not good.get(kind, False):
        raise InvalidRequest(f"owner: bus:ID, http:NAME or key:KID, not {value[:80]!r}", details={"field": "owner"})
    return value
