"""Secrets of known forms are hidden wherever they stand; everything else is left as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.masking import MAX_DEPTH, is_secret_name, masked, masked_value

SEED = "UAMK" + "A2B3C4D5E6F7" * 4 + "ABCDE"
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhYmMifQ.c2lnbmF0dXJl"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIabcSECRETdef\nxyz==\n-----END EC PRIVATE KEY-----"

SECRETS = {
    "a bearer token": ("calling with Bearer t0ken.SECRET-x", "SECRET"),
    "a bearer token in a head": ("Authorization: Bearer SECRET", "SECRET"),
    "a basic password": ("authorization: basic SECRET=", "SECRET"),
    "a bare authorization": ("Authorization: SECRET-123", "SECRET"),
    "a cookie": ("Cookie: id=SECRET; b=SECRET2", "SECRET"),
    "a set cookie": ("Set-Cookie: id=SECRET", "SECRET"),
    "an API key": ("X-Api-Key: SECRET-12345", "SECRET"),
    "a key of ours": ("no such key omk_ab12_SECRET", "SECRET"),
    "a password in a URL": ("dialling nats://user:SECRET@127.0.0.1:4222", "SECRET"),
    "a token in a URL": ("redis://SECRET@host/0", "SECRET"),
    "several URLs": ("nats://a:SECRET@h1,nats://b:SECRET@h2", "SECRET"),
    "a query": ("/x?page=1&access_token=SECRET&y=2", "SECRET"),
    "a form": ("client_secret=SECRET&x=1", "SECRET"),
    "a NATS seed": (f"seed S{SEED} read", SEED),
    "a NATS seed cut short": (f"seed S{SEED[:30]}", SEED[:30]),
    "a JWT": (f"token was {JWT}", JWT[10:]),
    "a JWT cut short": (f"token was {JWT[:40]}", JWT[10:38]),
    "a private key": (PEM, "SECRET"),
    "a private key cut short": (PEM[:60], "SECRET"),
    "a private key in JSON": (json.dumps({"e": PEM}), "SECRET"),
    "a field of JSON": (json.dumps({"password": "SECRET", "b": 1}), "SECRET"),
    "a field of JSON within JSON": (json.dumps({"body": json.dumps({"x-api-key": "SECRET"})}), "SECRET"),
    "a field of a dict that was printed": (repr({"Authorization": "SECRET"}), "SECRET"),
    "a field of bytes that was printed": (repr({"token": b"SECRET"}), "SECRET"),
    "behind a letter that lower case makes two of": ("İİ token=SECRET", "SECRET"),
}

HARMLESS = [
    "Authorization: exactly one is needed",
    "a Bearer token is needed here",
    "Bearer tokens are needed",
    "password: field required",
    "api_key: required",
    "min_tokens=4 keys=3",
    "http://localhost:9405/mcp/call/a/b",
    "write to someone@example.org",
    'POST /mcp {"key": "value", "monkey": "banana"}',
    "SOMETHING IN CAPITALS SUCH AS SUBJECT",
    "key.by.key and eye.to.eye.contact",
    "",
]


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_a_secret_is_hidden(text: str, secret: str) -> None:
    assert secret not in masked(text)
    assert "***" in masked(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_a_line_of_json_stays_json(text: str, secret: str) -> None:
    line = json.dumps({"event": "x", "said": text, "n": 1})
    told = json.loads(masked(line))
    assert secret not in str(told)
    assert (told["event"], told["n"]) == ("x", 1)


@pytest.mark.parametrize(
    "name", ["password", "DB_PASSWORD", "x-api-key", "Authorization", "refresh_token", "cookie", "private_key"]
)
def test_a_name_announces_a_secret(name: str) -> None:
    assert is_secret_name(name)
    assert masked_value({"a": [{name: "x"}]}) == {"a": [{name: "***"}]}


@pytest.mark.parametrize("name", ["key", "kv_key", "tokens", "member", "passing", "secretary"])
def test_other_names_announce_none(name: str) -> None:
    assert masked_value({name: "x"}) == {name: "x"}


def test_what_is_nested_too_deep_is_hidden_whole() -> None:
    value: Any = "Bearer abc.DEF.123"
    for _ in range(MAX_DEPTH + 5):
        value = [value]
    assert "abc" not in str(masked_value(value))


@given(st.text(max_size=300))
def test_masking_twice_is_masking_once(text: str) -> None:
    assert masked(masked(text)) == masked(text)


@given(
    st.text(alphabet=st.characters(exclude_characters="\"'\\"), max_size=60),
    st.text(alphabet=st.characters(exclude_characters="\"'\\"), max_size=60),
)
def test_a_key_of_ours_is_hidden_in_any_text(before: str, after: str) -> None:
    assert "Qx7SECRETx7Q" not in masked(f"{before}omk_id_Qx7SECRETx7Q{after}")


@pytest.mark.parametrize(
    "text",
    [
        "key" * 20_000,
        "cookie: " * 5_000,
        "token=" * 10_000,
        "://a" * 10_000,
        "-----BEGIN PRIVATE KEY-----" * 200,
        "eyJ" * 10_000,
        "Bearer " * 10_000,
        "authorization: bearer " * 4_000,
        "password' : '" * 4_000,
        "S" + "A" * 90_000,
    ],
)
@pytest.mark.timeout(5)
def test_no_text_makes_it_slow(text: str) -> None:
    masked(text)
