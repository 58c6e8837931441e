"""Which signed manifests are believed, and why the others are not."""

from __future__ import annotations

import hashlib
import hmac
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.compact import MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES, MAX_TOKEN_BYTES, Reason, issued_at, unverified
from bus.errors import FederationError, InvalidRequest, Malformed, NotAllowed, TooLarge
from bus.manifest import read_manifest
from bus.signing import Check, Terms, sign_manifest, verify_manifest, verify_token
from bus.truststore import ALGORITHMS, TrustStore, trusted_key
from tests.support.signing import (
    CLAIMS,
    MANIFEST,
    MEMBER,
    NOW,
    check_with_cryptography,
    encoded,
    pair,
    store_of,
    token,
    unpadded,
)

TERMS = Terms(epoch=7, issued_at=NOW, lifetime_s=600)
KEY = pair()
STORE = store_of(KEY)
PAYLOAD = {**MANIFEST, **CLAIMS}


def refused(jws: str, store: TrustStore = STORE, now: float = NOW, check: Check | None = None) -> str:
    """The word for which a token is refused."""
    with pytest.raises(FederationError) as caught:
        verify_token(jws, store, now=now, check=check)
    return str((caught.value.details or {})["reason"])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_was_signed_is_what_is_read(algorithm: str) -> None:
    key = pair(algorithm)
    found = verify_token(sign_manifest(MANIFEST, key.key, TERMS), store_of(key), now=NOW)
    assert found.manifest == read_manifest(dict(MANIFEST))
    assert (found.member, found.kid, found.algorithm) == (MEMBER, "k1", algorithm)
    assert (found.iat, found.exp, found.epoch, found.instance) == (NOW, NOW + 600, 7, "default")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_another_library_reads_what_is_signed_here(algorithm: str) -> None:
    key = pair(algorithm)
    payload = check_with_cryptography(key, sign_manifest(MANIFEST, key.key, TERMS))
    assert payload == {**MANIFEST, **CLAIMS, "instance": "default"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_another_library_signed_is_read_here(algorithm: str) -> None:
    key = pair(algorithm)
    assert verify_token(token(key), store_of(key), now=NOW).manifest["name"] == "My Service"


def test_openssl_signs_what_is_read_here(tmp_path: Path) -> None:
    key = pair("RS256")
    private, data = tmp_path / "key.pem", tmp_path / "data"
    private.write_bytes(key.key.key.as_pem(private=True))
    signed = f"{encoded({'alg': 'RS256', 'kid': 'k1'})}.{encoded(PAYLOAD)}"
    data.write_text(signed)
    made = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", str(private), str(data)], capture_output=True, check=True, timeout=30
    )
    assert verify_token(f"{signed}.{encoded(made.stdout)}", store_of(key), now=NOW).kid == "k1"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_with_one_character_changed_is_refused(algorithm: str) -> None:
    key = pair(algorithm)
    jws = sign_manifest(MANIFEST, key.key, TERMS)
    head, payload, tail = jws.split(".")
    other = encoded({**orjson.loads(unpadded(payload)), "endpoints": {"mcp": "https://evil.example"}})
    assert refused(f"{head}.{other}.{tail}", store_of(key)) == Reason.BAD_SIGNATURE
    flipped = ("A" if tail[0] != "A" else "B") + tail[1:]
    assert refused(f"{head}.{payload}.{flipped}", store_of(key)) == Reason.BAD_SIGNATURE


@given(place=st.integers(0, 10_000), letter=st.sampled_from("ABCabc019-_."))
def test_no_change_of_a_token_is_believed(place: int, letter: str) -> None:
    jws = sign_manifest(MANIFEST, KEY.key, TERMS)
    place %= len(jws)
    altered = jws[:place] + letter + jws[place + 1 :]
    if altered == jws:
        return
    with pytest.raises((NotAllowed, Malformed)):
        verify_token(altered, STORE, now=NOW)


@given(st.text(max_size=300))
def test_any_text_is_refused_by_name(text: str) -> None:
    with pytest.raises((NotAllowed, Malformed, TooLarge)):
        verify_token(text, STORE, now=NOW)


@given(st.binary(max_size=80), st.binary(max_size=200), st.binary(max_size=80))
def test_any_three_pieces_are_refused_by_name(head: bytes, payload: bytes, tail: bytes) -> None:
    with pytest.raises((NotAllowed, Malformed)):
        verify_token(f"{encoded(head)}.{encoded(payload)}.{encoded(tail)}", STORE, now=NOW)


# the header --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "", None, 7, "HS256", "HS512", "RS512", "PS256", "ES384"])
def test_an_algorithm_that_is_not_allowed_is_refused(alg: Any) -> None:
    assert refused(token(KEY, header={"alg": alg, "kid": "k1"})) == Reason.ALGORITHM


def test_no_signature_is_no_signature() -> None:
    assert refused(f"{encoded({'alg': 'none', 'kid': 'k1'})}.{encoded(PAYLOAD)}.") == Reason.ALGORITHM
    assert refused(f"{encoded({'alg': 'ES256', 'kid': 'k1'})}.{encoded(PAYLOAD)}.") == Reason.BAD_SIGNATURE


@pytest.mark.parametrize("alg", ["HS256", "RS256"])
def test_a_public_key_is_nobodys_shared_secret(alg: str) -> None:
    key = pair("RS256")
    signed = f"{encoded({'alg': alg, 'kid': 'k1'})}.{encoded(PAYLOAD)}"
    forged = hmac.new(key.key.key.as_pem(private=False), signed.encode(), hashlib.sha256).digest()
    assert refused(f"{signed}.{encoded(forged)}", store_of(key)) in (Reason.ALGORITHM, Reason.BAD_SIGNATURE)


@pytest.mark.parametrize(("made", "told"), [("ES256", "RS256"), ("RS256", "ES256"), ("EdDSA", "ES256")])
def test_a_key_signs_with_its_own_algorithm_only(made: str, told: str) -> None:
    key = pair(made)
    assert refused(token(key, header={"alg": told, "kid": "k1"}), store_of(key)) == Reason.ALGORITHM


@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
def test_one_algorithm_of_two_names_is_taken_by_both(alg: str) -> None:
    key = pair("Ed25519")
    assert verify_token(token(key, header={"alg": alg, "kid": "k1"}), store_of(key), now=NOW).algorithm == alg


@pytest.mark.parametrize("more", [{"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}])
def test_extensions_that_nobody_knows_are_refused(more: dict[str, Any]) -> None:
    assert refused(token(KEY, header={"alg": "ES256", "kid": "k1", **more})) == Reason.CRITICAL


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_in_the_token_is_never_believed(name: str) -> None:
    mallory = pair(kid="mallory")
    header = {"alg": "ES256", "kid": "mallory", name: mallory.public}
    assert refused(token(mallory, header=header)) == Reason.EMBEDDED_KEY


@pytest.mark.parametrize("kid", [None, "", 7, ["k1"]])
def test_a_token_names_its_key(kid: Any) -> None:
    assert refused(token(KEY, header={"alg": "ES256", "kid": kid})) == Reason.NO_KEY_ID
    assert refused(token(KEY, header={"alg": "ES256"})) == Reason.NO_KEY_ID


@pytest.mark.parametrize("kid", ["k2", "../../etc/passwd", "k1 ", "K1", "k1\u0000", "' OR 1=1"])
def test_an_unknown_key_is_refused(kid: str) -> None:
    assert refused(token(KEY, header={"alg": "ES256", "kid": kid})) == Reason.UNKNOWN_KEY


def test_a_signature_by_another_key_under_a_trusted_name_is_refused() -> None:
    mallory = pair(kid="mallory")
    assert refused(token(mallory, header={"alg": "ES256", "kid": "k1"})) == Reason.BAD_SIGNATURE


def test_a_key_signs_for_its_own_ids_only() -> None:
    other = pair(kid="other", ids=("other_service", "team-*"))
    store = store_of(KEY, other)
    assert refused(token(other), store) == Reason.FOREIGN_KEY
    assert verify_token(token(other, {**PAYLOAD, "id": "team-a"}), store, now=NOW).member == "team-a"
    assert refused(token(other, {**PAYLOAD, "id": "team"}), store) == Reason.FOREIGN_KEY


# sizes and shapes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "jws", ["", "a", "a.b", "a.b.c.d", ".a.b", "a..b", "a b.c.d", "ä.b.c", "a.b.c\n", "e30.e30.e30="]
)
def test_what_is_no_compact_jws_is_malformed(jws: str) -> None:
    assert refused(jws) == Reason.MALFORMED


def test_too_long_a_token_is_refused_before_it_is_read() -> None:
    assert refused("a" * (MAX_TOKEN_BYTES + 1)) == Reason.TOO_LARGE


def test_too_long_a_header_is_refused() -> None:
    assert refused(token(KEY, header={"alg": "ES256", "kid": "k1", "typ": "x" * MAX_HEADER_BYTES})) == Reason.TOO_LARGE


def test_too_long_a_payload_is_refused() -> None:
    assert refused(token(KEY, {**PAYLOAD, "more": "x" * MAX_PAYLOAD_BYTES})) == Reason.TOO_LARGE


@pytest.mark.parametrize("payload", [b"[]", b"7", b"null", b"{", b"", b"\xff", b"[" * 5_000 + b"]" * 5_000])
def test_a_payload_that_is_no_object_is_malformed(payload: bytes) -> None:
    assert refused(token(KEY, payload)) == Reason.MALFORMED


def test_a_payload_nested_too_deep_is_malformed() -> None:
    nested = orjson.dumps({**PAYLOAD, "more": 0}).replace(b'"more":0', b'"more":' + b"[" * 40 + b"]" * 40)
    assert refused(token(KEY, nested)) == Reason.MALFORMED


def test_a_token_inside_a_token_is_no_manifest() -> None:
    assert refused(token(KEY, token(KEY).encode())) == Reason.MALFORMED
    with pytest.raises(InvalidRequest, match="name"):
        verify_token(token(KEY, {"id": MEMBER, **CLAIMS, "signed": token(KEY)}), STORE, now=NOW)


def test_a_manifest_that_no_directory_takes_is_refused_though_it_is_signed() -> None:
    with pytest.raises(InvalidRequest, match="tags"):
        verify_token(token(KEY, {**PAYLOAD, "tags": "a"}), STORE, now=NOW)


def test_what_only_a_directory_writes_is_not_taken_from_a_signer() -> None:
    assert "status" not in verify_token(token(KEY, {**PAYLOAD, "status": "stale"}), STORE, now=NOW).manifest


# times -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["iat", "exp", "epoch"])
@pytest.mark.parametrize("value", [None, "1800000000", True, [], {}, -1])
def test_times_and_epoch_are_needed_and_numbers(missing: str, value: Any) -> None:
    if missing == "iat" and value == -1:
        value = float(NOW + 601)  # the end before the beginning
    assert refused(token(KEY, {**PAYLOAD, missing: value})) == Reason.CLAIMS
    assert refused(token(KEY, {name: item for name, item in PAYLOAD.items() if name != missing})) == Reason.CLAIMS


@pytest.mark.parametrize(("now", "skew"), [(NOW + 660, 60), (NOW + 600, 0), (NOW - 60, 60), (NOW, 0)])
def test_a_clock_may_be_off_by_the_allowance(now: float, skew: float) -> None:
    assert verify_token(token(KEY), STORE, now=now, check=Check(skew)).epoch == 7


@pytest.mark.parametrize(
    ("now", "skew", "reason"),
    [
        (NOW + 661, 60, Reason.EXPIRED),
        (NOW + 600.5, 0, Reason.EXPIRED),
        (NOW - 61, 60, Reason.NOT_YET_VALID),
        (NOW - 0.5, 0, Reason.NOT_YET_VALID),
    ],
)
def test_outside_its_time_it_is_refused(now: float, skew: float, reason: Reason) -> None:
    assert refused(token(KEY), now=now, check=Check(skew)) == reason


def test_a_time_before_which_it_is_not_valid_is_kept() -> None:
    assert refused(token(KEY, {**PAYLOAD, "nbf": NOW + 100})) == Reason.NOT_YET_VALID


def test_a_signature_may_not_hold_for_too_long() -> None:
    assert refused(token(KEY), check=Check(max_lifetime_s=599)) == Reason.LIFETIME
    assert verify_token(token(KEY), STORE, now=NOW, check=Check(max_lifetime_s=600)).exp == NOW + 600


# what is served ----------------------------------------------------------------------------------------------------


def served(**more: Any) -> dict[str, Any]:
    """As discovery shows it."""
    live = {"status": "active", "registered_at": "x", "last_seen": "x", "instances": [], "signed": token(KEY)}
    return {**read_manifest(dict(MANIFEST)), **live, **more}


def test_a_manifest_that_is_served_as_it_was_signed_tells_who_signed() -> None:
    assert verify_manifest(served(), STORE, now=NOW).kid == "k1"


@pytest.mark.parametrize(
    "more", [{"endpoints": {"mcp": "https://evil.example"}}, {"tools": [{"name": "x"}]}, {"new": 1}, {"id": "other"}]
)
def test_a_manifest_that_is_served_otherwise_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed, match=next(iter(more))) as caught:
        verify_manifest(served(**more), STORE, now=NOW)
    assert (caught.value.details or {})["reason"] == Reason.DIFFERS


def test_a_field_that_is_left_out_is_a_difference() -> None:
    shorter = served()
    del shorter["version"]
    with pytest.raises(NotAllowed, match="version"):
        verify_manifest(shorter, STORE, now=NOW)


def test_a_caller_says_which_fields_may_differ() -> None:
    filled = served(endpoints={"mcp": "https://gateway.example/mcp"})
    assert verify_manifest(filled, STORE, now=NOW, but=("endpoints",)).kid == "k1"


@pytest.mark.parametrize("signed", [False, None, True, 7])
def test_an_unsigned_manifest_is_not_allowed(signed: Any) -> None:
    with pytest.raises(NotAllowed) as caught:
        verify_manifest(served(signed=signed), STORE, now=NOW)
    assert (caught.value.details or {})["reason"] == Reason.UNSIGNED


def test_a_served_token_that_is_nonsense_is_not_allowed() -> None:
    with pytest.raises(NotAllowed) as caught:
        verify_manifest(served(signed="a.b.c.d"), STORE, now=NOW)
    assert (caught.value.details or {})["reason"] == Reason.MALFORMED


# signing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manifest", [{"name": "x"}, {"id": "a.b", "name": "x"}, {"id": "a"}])
def test_what_no_directory_takes_is_not_signed(manifest: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        sign_manifest(manifest, KEY.key, TERMS)


@pytest.mark.parametrize("terms", [Terms(-1, NOW, 60), Terms(2**53 + 1, NOW, 60), Terms(1, NOW, 0)])
def test_terms_that_no_directory_takes_are_not_signed(terms: Terms) -> None:
    with pytest.raises(InvalidRequest, match="epoch"):
        sign_manifest(MANIFEST, KEY.key, terms)


def test_a_manifest_as_it_is_served_can_be_signed_again() -> None:
    again = sign_manifest({**served(), "iat": 1, "epoch": 3}, KEY.key, TERMS)
    assert verify_token(again, STORE, now=NOW).manifest == read_manifest(dict(MANIFEST))


def test_a_token_tells_its_address_and_time_without_being_believed() -> None:
    forged = token(pair(kid="mallory"))
    assert (unverified(forged)["id"], issued_at(forged), issued_at("a.b.c")) == (MEMBER, NOW, 0.0)


def test_no_key_is_shown() -> None:
    secret = KEY.private["d"]
    assert secret not in repr(KEY.key)
    assert secret not in repr(trusted_key(KEY.public))
