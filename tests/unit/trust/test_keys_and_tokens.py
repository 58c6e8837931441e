"""NATS's keys and tokens: as the reference writes them, and nothing that is not quite one is taken for one."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import BusSettings
from bus.errors import InvalidRequest
from bus.trust.authority import Authority, NoAuthority, Wallet, listed
from bus.trust.claims import NotAToken, User, read_token, user_token
from bus.trust.credentials import BadCredentials, parsed, read_credentials, written
from bus.trust.nkeys import KeyPair, Kind, NotAKey, is_public, verified
from bus.trust.rights import Identity, Rights, Role, checked_identity

SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
"""A pair that NATS's own documentation shows."""
MEMBER = Identity(Role.MEMBER, "my_service")
NOW = 1_800_000_000


def test_a_key_is_written_as_the_reference_writes_it() -> None:
    pair = KeyPair.from_seed(SEED, Kind.USER)
    assert (pair.public, pair.seed) == (PUBLIC, SEED)


@given(st.binary(min_size=32, max_size=32), st.sampled_from(Kind))
def test_a_key_read_back_is_the_same(secret: bytes, kind: Kind) -> None:
    pair = KeyPair(kind, secret)
    assert KeyPair.from_seed(pair.seed, kind) == pair
    assert is_public(pair.public, kind)
    assert pair.public[0] == {Kind.USER: "U", Kind.ACCOUNT: "A", Kind.OPERATOR: "O"}[kind]


def test_a_key_does_not_show_its_secret() -> None:
    pair = KeyPair.from_seed(SEED, Kind.USER)
    assert SEED not in repr(pair) and SEED not in repr(listed(MEMBER))


@pytest.mark.parametrize("text", ["", "SU", SEED[:-1], SEED.replace("C", "D", 1), PUBLIC, "§" * 58, SEED.lower()])
def test_what_is_no_seed_is_refused(text: str) -> None:
    with pytest.raises(NotAKey):
        KeyPair.from_seed(text, Kind.USER)


def test_the_seed_of_another_kind_is_refused() -> None:
    with pytest.raises(NotAKey):
        KeyPair.from_seed(SEED, Kind.OPERATOR)


def test_a_signature_is_of_one_key_and_one_message() -> None:
    pair, other = KeyPair.fresh(Kind.USER), KeyPair.fresh(Kind.USER)
    signature = pair.sign(b"nonce")
    assert verified(pair.public, b"nonce", signature)
    assert not verified(pair.public, b"nonces", signature)
    assert not verified(other.public, b"nonce", signature)


def token() -> str:
    return user_token(User("m", "member", "A", Rights(("a",), ("b",))), PUBLIC, KeyPair.fresh(Kind.ACCOUNT), NOW)


def test_a_token_says_what_was_put_in() -> None:
    claims = read_token(token())
    assert (claims["sub"], claims["name"], claims["iat"]) == (PUBLIC, "m", NOW)
    assert claims["nats"]["pub"] == {"allow": ["a"]} and claims["nats"]["sub"] == {"allow": ["b"]}


def test_an_altered_token_is_refused() -> None:
    head, body, signature = token().split(".")
    claims = orjson.loads(base64.urlsafe_b64decode(body + "=="))
    claims["nats"]["pub"]["allow"] = [">"]
    altered = base64.urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip("=")
    with pytest.raises(NotAToken, match="signature"):
        read_token(f"{head}.{altered}.{signature}")


@pytest.mark.parametrize("header", [{"typ": "JWT", "alg": "none"}, {"typ": "JWT", "alg": "HS256"}, {}])
def test_a_token_of_another_algorithm_is_refused(header: dict[str, str]) -> None:
    _, body, signature = token().split(".")
    head = base64.urlsafe_b64encode(orjson.dumps(header)).decode().rstrip("=")
    with pytest.raises(NotAToken):
        read_token(f"{head}.{body}.{signature}")


@given(st.text(max_size=200))
def test_whatever_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(NotAToken):
        read_token(text)


# files ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "authority", BusSettings(trust=tmp_path))


@pytest.mark.parametrize("role", Role)
def test_credentials_read_back_are_the_same(authority: Authority, role: Role) -> None:
    for credentials in (authority.issue(Identity(role, "x"), NOW, expires=NOW + 9), listed(Identity(role, "x"))):
        assert parsed(written(credentials)) == credentials


def test_files_of_secrets_are_for_their_owner_alone(authority: Authority, tmp_path: Path) -> None:
    Wallet(tmp_path / "credentials").keep(authority.issue(MEMBER, NOW))
    authority.revoke(PUBLIC, NOW)
    authority.operator_token(NOW)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in files} == {0o700}


def test_a_seed_of_another_key_than_the_token_s_is_refused(authority: Authority) -> None:
    one, other = authority.issue(MEMBER, NOW), authority.issue(MEMBER, NOW)
    with pytest.raises(BadCredentials, match="two keys"):
        parsed(written(one).replace(one.key.seed, other.key.seed))


@pytest.mark.parametrize("text", ["", "hello", "-----BEGIN USER NKEY SEED-----\nSU\n------END USER NKEY SEED------"])
def test_a_file_without_credentials_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "some.creds"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BadCredentials, match=r"some\.creds"):
        read_credentials(path)


def test_an_authority_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(NoAuthority, match="omega trust init"):
        Authority.open(tmp_path, BusSettings(trust=tmp_path))


def test_an_authority_made_again_is_the_one_that_was_there(authority: Authority, tmp_path: Path) -> None:
    again = Authority.create(tmp_path / "authority", BusSettings(trust=tmp_path))
    assert again.vouches_for(authority.issue(MEMBER, NOW))


def test_credentials_hold_as_long_as_the_role_has_the_same_rights(authority: Authority, tmp_path: Path) -> None:
    gateway = Identity(Role.GATEWAY, "g")
    issued = authority.issue(gateway, NOW)
    assert authority.vouches_for(issued)
    elsewhere = Authority.open(tmp_path / "authority", BusSettings(trust=tmp_path, prefix="other"))
    assert not elsewhere.vouches_for(issued)  # its subjects are those of another federation
    authority.revoke(issued.key.public, NOW)
    assert not authority.vouches_for(issued)


@pytest.mark.parametrize(
    "name", ["*", ">", "a.b", "", "x" * 65, "a b", "mу_service", "ｍｙ", "a\u200b", "{{name()}}", "$SYS"]
)
def test_a_name_that_would_be_more_than_itself_gets_no_credentials(name: str) -> None:
    with pytest.raises(InvalidRequest, match="name"):
        checked_identity("member", name)


def test_a_role_that_is_none_gets_no_credentials() -> None:
    with pytest.raises(InvalidRequest, match="role"):
        checked_identity("root", "x")
