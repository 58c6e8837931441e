"""Who owns a member id, and who may speak of it."""

from __future__ import annotations

import pytest

from bus.errors import Conflict, InvalidRequest, NotAllowed
from bus.message import Message
from bus.subjects import Instance, Subjects
from directory.ownership import NOBODY, Claim, check_speaker, checked_owner, claim_of, registering

M, SUBJECTS = "alpha", Subjects()
ME, ALICE, BOB = Claim("bus:alpha"), Claim("http:alice"), Claim("http:bob")
SIGNED, ADOPTER = Claim(key="k1"), Claim(companion=True)
OWNERS = ["bus:alpha", "http:alice", "key:k1"]


# registering -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "owner"),
    [
        (NOBODY, None),
        (ADOPTER, None),
        (ME, "bus:alpha"),
        (ALICE, "http:alice"),
        (SIGNED, "key:k1"),
        (Claim("http:alice", "k1"), "http:alice"),
    ],
)
def test_the_first_that_proves_who_it_is_owns_the_id(claim: Claim, owner: str | None) -> None:
    assert registering(M, None, claim) == owner


@pytest.mark.parametrize("owner", OWNERS)
def test_the_owner_stays_the_owner(owner: str) -> None:
    claim = Claim(key="k1") if owner == "key:k1" else Claim(owner)
    assert registering(M, owner, claim) == owner


@pytest.mark.parametrize("owner", OWNERS)
def test_nobody_in_particular_displaces_no_owner(owner: str) -> None:
    with pytest.raises(NotAllowed, match="alpha"):
        registering(M, owner, NOBODY)


@pytest.mark.parametrize("owner", OWNERS)
def test_another_is_in_conflict_with_the_owner(owner: str) -> None:
    with pytest.raises(Conflict, match="another") as caught:
        registering(M, owner, BOB)
    assert owner not in str(caught.value.body())


@pytest.mark.parametrize("owner", OWNERS)
def test_an_adopter_stands_beside_an_owner(owner: str) -> None:
    assert registering(M, owner, ADOPTER) == owner


@pytest.mark.parametrize("owner", OWNERS)
def test_a_trusted_key_proves_ownership_whatever_the_way(owner: str) -> None:
    assert registering(M, owner, SIGNED) == owner
    assert registering(M, owner, Claim("http:bob", "k2")) == "http:bob"


# heartbeats and leaves ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", [NOBODY, ME, BOB, ADOPTER])
def test_anybody_speaks_of_what_nobody_owns(claim: Claim) -> None:
    check_speaker(M, None, claim)


@pytest.mark.parametrize("owner", ["bus:alpha", "http:alice"])
def test_only_the_owner_speaks_of_what_is_owned(owner: str) -> None:
    check_speaker(M, owner, Claim(owner))
    check_speaker(M, owner, ADOPTER)
    for other in (NOBODY, BOB, Claim("bus:beta")):
        with pytest.raises(NotAllowed, match="owner"):
            check_speaker(M, owner, other)


def test_what_is_never_signed_counts_from_whoever_could_hold_the_key() -> None:
    check_speaker(M, "key:k1", NOBODY)
    check_speaker(M, "key:k1", ME)
    for other in (BOB, Claim("bus:beta")):
        with pytest.raises(NotAllowed):
            check_speaker(M, "key:k1", other)


# who it was --------------------------------------------------------------------------------------------------------


def claim(subject: str, headers: dict[str, str] | None = None, *, identified: bool = True) -> Claim:
    return claim_of(Message(subject, b"", headers or {}), SUBJECTS.who(subject), SUBJECTS, identified=identified)


@pytest.mark.parametrize("verb", ["register", "heartbeat", "leave"])
def test_the_subject_tells_who_speaks_where_the_bus_proves_it(verb: str) -> None:
    assert claim(f"omega.{verb}.alpha.one") == claim(f"omega.{verb}.alpha") == ME
    assert claim(f"omega.{verb}.alpha.one", identified=False) == NOBODY


@pytest.mark.parametrize("verb", ["register", "heartbeat", "leave"])
def test_a_gateways_caller_is_the_one_it_names(verb: str) -> None:
    subject = SUBJECTS.on_behalf(verb, "alpha", "one")
    assert SUBJECTS.who(subject) == Instance("alpha", "one")
    for identified in (True, False):
        assert claim(subject, {"Omega-Caller": "alice"}, identified=identified) == ALICE
        assert claim(subject, identified=identified) == NOBODY


def test_a_name_in_a_header_of_ones_own_is_never_believed() -> None:
    assert claim("omega.register.alpha.one", {"Omega-Caller": "alice"}, identified=False) == NOBODY
    assert claim("omega.register.alpha.one", {"Omega-Caller": "alice"}) == ME


@pytest.mark.parametrize("name", ["", "a b", "a" * 129, "alice\r\nX: y", "ä"])
def test_a_callers_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="Omega-Caller"):
        claim(SUBJECTS.on_behalf("register", "alpha"), {"Omega-Caller": name})


def test_an_adopted_instance_is_a_companion_only_where_the_bus_proves_it() -> None:
    assert claim("omega.register.alpha.adopted-x") == ADOPTER
    assert claim("omega.register.alpha.adopted-x", identified=False) == NOBODY
    assert claim(SUBJECTS.on_behalf("register", "alpha", "adopted-x"), {"Omega-Caller": "bob"}) == BOB


@pytest.mark.parametrize("owner", ["bus:alpha", "http:alice@example.org", "key:k1"])
def test_what_can_be_an_owner(owner: str) -> None:
    assert checked_owner(owner) == owner


@pytest.mark.parametrize("owner", ["", "alpha", "bus:", "bus:a.b", "http:a b", "key:", "nobody:x", "bus:*"])
def test_what_cannot_be_an_owner(owner: str) -> None:
    with pytest.raises(InvalidRequest, match="owner"):
        checked_owner(owner)
