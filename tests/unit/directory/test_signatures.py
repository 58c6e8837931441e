"""What signed and unsigned registrations are worth under each policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from bus.errors import FederationError, InvalidRequest, NotAllowed
from bus.messages import Status
from bus.signing import Check
from bus.subjects import Instance
from bus.truststore import TrustStore
from directory.member import Member, member_of
from directory.ownership import NOBODY, Claim
from directory.record import Record
from directory.settings import DirectorySettings
from directory.signatures import Signatures
from tests.support.signing import CLAIMS, MANIFEST, MEMBER, NOW, pair, store_of, token

WHO = Instance(MEMBER)
STORE = store_of(pair())
PAYLOAD = {**MANIFEST, **CLAIMS}


def signatures(policy: str, store: TrustStore = STORE) -> Signatures:
    return Signatures(policy, Check(60, 3_600), lambda: store, clock=lambda: NOW)


def refused(policy: str, body: dict[str, Any], who: Instance = WHO) -> str:
    with pytest.raises(FederationError) as caught:
        signatures(policy).read(body, who)
    return str((caught.value.details or {}).get("reason"))


@pytest.mark.parametrize("policy", ["verify", "require"])
def test_a_good_signature_is_taken(policy: str) -> None:
    jws = token(pair())
    new = signatures(policy).read({"signed": jws}, WHO)
    assert (new.epoch, new.signed, new.issued_at, new.key) == (7, jws, NOW, "k1")
    assert not {"epoch", "iat", "exp", "instance"} & new.manifest.keys()


def test_the_same_manifest_has_the_same_digest_signed_or_not() -> None:
    plain = signatures("verify").read(dict(MANIFEST), WHO)
    assert plain.digest == signatures("verify").read({"signed": token(pair())}, WHO).digest
    later = token(pair(), {**PAYLOAD, "iat": NOW + 1, "exp": NOW + 900})
    assert plain.digest == signatures("verify").read({"signed": later}, WHO).digest


def test_without_trusted_keys_nothing_signed_is_taken() -> None:
    assert refused("off", {"signed": token(pair())}) == "signatures_off"
    assert signatures("off").read(dict(MANIFEST), WHO).signed is None


def test_what_must_be_signed_is_not_taken_unsigned() -> None:
    assert refused("require", dict(MANIFEST)) == "signature_required"
    assert signatures("verify").read(dict(MANIFEST), WHO).signed is None


@pytest.mark.parametrize("policy", ["verify", "require"])
@pytest.mark.parametrize(
    ("jws", "reason"),
    [
        (token(pair(kid="mallory")), "unknown_key"),
        (token(pair(), {**PAYLOAD, "exp": NOW - 100, "iat": NOW - 200}), "expired"),
        (token(pair(), {**PAYLOAD, "exp": NOW + 4_000}), "lifetime"),
        (token(pair())[:-4] + "AAAA", "bad_signature"),
    ],
)
def test_a_bad_signature_is_refused_under_either_policy(policy: str, jws: str, reason: str) -> None:
    assert refused(policy, {"signed": jws}) == reason


@pytest.mark.parametrize("value", [None, 7, {"a": 1}, ["x"]])
def test_a_signature_is_text(value: Any) -> None:
    with pytest.raises(InvalidRequest, match="signed"):
        signatures("verify").read({"signed": value}, WHO)


def test_what_was_signed_for_one_is_not_used_for_another() -> None:
    assert refused("verify", {"signed": token(pair())}, Instance("other")) == "id_mismatch"
    assert refused("verify", {"signed": token(pair())}, Instance(MEMBER, "two")) == "instance_mismatch"
    for_two = token(pair(), {**PAYLOAD, "instance": "two"})
    assert signatures("verify").read({"signed": for_two}, Instance(MEMBER, "two")).epoch == 7
    assert refused("verify", {"signed": for_two}) == "instance_mismatch"


# beside what is signed ---------------------------------------------------------------------------------------------


def member(signed: str | None = "jws") -> Member:
    record = Record(WHO, dict(MANIFEST), 1, "d", Status.ACTIVE, registered_at=1, changed_at=1, signed=signed)
    other = replace(record, who=Instance(MEMBER, "two"), epoch=9, signed=None)
    found = member_of([record, other])
    assert found is not None
    return found


@pytest.mark.parametrize("claim", [NOBODY, Claim("http:bob")])
def test_what_is_signed_gives_way_to_nothing_unsigned(claim: Claim) -> None:
    with pytest.raises(NotAllowed, match="is signed"):
        signatures("verify").check_plain(claim, "http:alice", member())
    with pytest.raises(NotAllowed, match="is signed"):
        signatures("verify").check_plain(claim, None, member())


def test_its_owner_may_register_unsigned() -> None:
    signatures("verify").check_plain(Claim("http:alice"), "http:alice", member())


def test_beside_what_is_unsigned_anybody_may() -> None:
    signatures("verify").check_plain(NOBODY, None, member(signed=None))
    signatures("verify").check_plain(NOBODY, None, None)
    signatures("off").check_plain(NOBODY, None, member())


def test_what_is_signed_is_shown_before_what_is_not() -> None:
    assert member().shown.signed == "jws"
    assert member(signed=None).shown.epoch == 9


# settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["verify", "require"])
def test_a_policy_needs_keys(policy: Any) -> None:
    with pytest.raises(ValidationError, match="trust_store"):
        DirectorySettings(signatures=policy)


def test_a_store_alone_means_that_signatures_are_checked(tmp_path: Any) -> None:
    assert DirectorySettings().policy == "off"
    assert DirectorySettings(trust_store=tmp_path).policy == "verify"
    assert DirectorySettings(trust_store=tmp_path, signatures="off").policy == "off"
