"""An access token lets in when everything about it is right."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from bus.access import Scopes, Via
from bus.bearer import Head, Rules, check_algorithm, granted, holder, key_for, read_head, read_keys
from bus.errors import Malformed, Unauthenticated

NOW = 1_800_000_000.0
ISSUER = "https://issuer.example"
HERE = "https://gateway.example/mcp"
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
OKP = OKPKey.generate_key("Ed25519", {"kid": "okp"})
RULES = Rules(ISSUER, "oauth", frozenset({"RS256", "ES256", "Ed25519"}), scopes={"read": "discover call:tag=open"})


def claims(**more: Any) -> dict[str, Any]:
    said = {"iss": ISSUER, "sub": "alice", "aud": HERE, "iat": NOW, "exp": NOW + 60, "scope": "call", **more}
    return {name: value for name, value in said.items() if value is not None}


def token(key: Any = RSA, alg: str = "RS256", head: dict[str, Any] | None = None, **more: Any) -> str:
    return jwt.encode({"alg": alg, "kid": "rsa", **(head or {})}, claims(**more), key, algorithms=[alg])


def verify(text: str, key: Any = RSA, **more: Any) -> Any:
    return granted(text, key, RULES, audiences=more.pop("audiences", {HERE}), now=more.pop("now", NOW))


@pytest.mark.parametrize(("key", "alg"), [(RSA, "RS256"), (EC, "ES256"), (OKP, "Ed25519")])
def test_a_good_token_is_its_subject_with_its_scopes_until_its_end(key: Any, alg: str) -> None:
    found = verify(token(key, alg), key)
    assert found.principal.name == "oauth:alice"
    assert found.principal.via is Via.OAUTH
    assert found.principal.scopes == Scopes.parse("call")
    assert found.expires == NOW + 60


@pytest.mark.parametrize(
    "more",
    [{"aud": [HERE, "other"]}, {"nbf": NOW + 29}, {"iat": NOW + 29}, {"exp": NOW + 0.5}, {"iat": None}],
)
def test_what_is_right_in_another_way_is_right(more: dict[str, Any]) -> None:
    assert verify(token(**more)).principal.name == "oauth:alice"


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "JWT", "application/at+jwt"])
def test_the_types_of_access_tokens_are_taken(typ: str) -> None:
    assert verify(token(head={"typ": typ}))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"iss": ISSUER + "/"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": None}, "another resource"),
        ({"aud": HERE + "/"}, "another resource"),
        ({"aud": []}, "another resource"),
        ({"aud": f"{HERE} x"}, "another resource"),
        ({"aud": {"a": HERE}}, "another resource"),
        ({"exp": NOW}, "expired"),
        ({"exp": None}, "never expires"),
        ({"exp": "9"}, "no time"),
        ({"exp": True}, "no time"),
        ({"exp": -1}, "no time"),
        ({"nbf": NOW + 31}, "not valid yet"),
        ({"iat": NOW + 31}, "not valid yet"),
        ({"sub": None}, "nobody"),
        ({"sub": 7}, "nobody"),
        ({"cnf": {}}, "bound"),
    ],
)
def test_one_wrong_claim_is_enough(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unauthenticated, match=reason):
        verify(token(**more))


@pytest.mark.parametrize("typ", ["dpop+jwt", "logout+jwt", "secevent+jwt"])
def test_other_signed_things_are_no_access_tokens(typ: str) -> None:
    with pytest.raises(Unauthenticated, match="no access token"):
        verify(token(head={"typ": typ}))


def test_another_key_of_the_same_kind_does_not_fit() -> None:
    with pytest.raises(Unauthenticated, match="signature"):
        verify(token(), RSAKey.generate_key(2048))


def test_a_shared_secret_signs_nothing_here_even_where_it_is_the_right_one() -> None:
    secret = OctKey.generate_key(256)
    text = jwt.encode({"alg": "HS256"}, claims(), secret, algorithms=["HS256"])
    with pytest.raises(Unauthenticated):
        granted(text, secret, RULES, audiences={HERE}, now=NOW)  # type: ignore[arg-type] # what an attacker wants
    with pytest.raises(Unauthenticated, match="not taken"):
        check_algorithm(read_head(text), Rules(ISSUER, "x", frozenset({"HS256"})))


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS1", "ES512", ""])
def test_an_algorithm_that_is_not_on_the_list_is_refused(algorithm: str) -> None:
    with pytest.raises(Unauthenticated):
        check_algorithm(Head(ISSUER, algorithm, "rsa"), RULES)


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "e30.e30.", "W10.W10.x", "a.b.c.d", "x" * 9_000, "é.é.é"])
def test_what_is_no_token_is_told_as_that(text: str) -> None:
    with pytest.raises(Unauthenticated):
        read_head(text)


def test_scopes_of_the_issuers_own_mean_what_the_rules_say_and_others_nothing() -> None:
    assert verify(token(scope="openid read profile")).principal.scopes == Scopes.parse("discover call:tag=open")
    assert verify(token(scope=None, scp=["call", "x"])).principal.scopes == Scopes.parse("call")
    assert not verify(token(scope=None)).principal.scopes.given


def test_two_subjects_never_have_one_name() -> None:
    subjects = ["a", "A", "a b", "a|b", "a\nb", "auth0|1", "auth0/1", "x" * 200, "x" * 201, "ä", "a:b"]
    names = [holder("oauth", subject) for subject in subjects]
    assert len(set(names)) == len(names)
    assert holder("oauth", names[2].removeprefix("oauth:")) != names[2]
    assert holder("other", "a") != holder("oauth", "a")


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_of_a_key_set_only_public_signature_keys_of_a_good_size_are_read() -> None:
    public = [key.as_dict(private=False) for key in (RSA, EC, OKP)]
    small = {**RSAKey.generate_key(1024, auto_kid=False).as_dict(private=False), "kid": "small"}
    others = [
        {"kty": "oct", "k": "AAAA", "kid": "oct"},
        {**public[0], "use": "enc", "kid": "enc"},
        {"kty": "RSA"},
        7,
        small,
    ]
    assert set(read_keys({"keys": [*public, *others]})) == {"rsa", "ec", "okp"}


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, "x"])
def test_what_is_no_key_set_is_told_as_that(document: object) -> None:
    with pytest.raises(Malformed, match="JWKS"):
        read_keys(document)


def test_a_key_is_chosen_by_its_id_and_kind() -> None:
    keys = read_keys({"keys": [key.as_dict(private=False) for key in (RSA, EC)]})
    assert key_for(Head(ISSUER, "RS256", "rsa"), keys) is not None
    assert key_for(Head(ISSUER, "ES256", "rsa"), keys) is None
    assert key_for(Head(ISSUER, "RS256", "unknown"), keys) is None
    assert key_for(Head(ISSUER, "RS256", ""), keys) is not None
    two = read_keys({"keys": [{**RSA.as_dict(private=False), "kid": kid} for kid in "ab"]})
    assert key_for(Head(ISSUER, "RS256", ""), two) is None
