"""Whose signatures are believed, and which stores are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, OctKey, OKPKey

from bus.errors import InvalidRequest
from bus.truststore import ALGORITHMS, IDS, TrustStore, WatchedStore, public_set
from tests.support.signing import encoded, pair


def parsed(*keys: Any) -> TrustStore:
    return TrustStore.parse({"trust.json": orjson.dumps({"keys": list(keys)})})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_public_key_is_bound_to_its_ids(algorithm: str) -> None:
    key = parsed(pair(algorithm, ids=("my_service", "team-*")).public).get("k1")
    assert key is not None
    assert [key.speaks_for(id) for id in ("my_service", "my_service2", "team-", "team-x", "team", "")] == [
        True, False, True, True, False, False,
    ]  # fmt: skip


def test_a_star_alone_is_every_id() -> None:
    key = parsed(pair(ids=("*",)).public).get("k1")
    assert key is not None
    assert key.speaks_for("anybody")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_private_key_is_refused(algorithm: str) -> None:
    one = pair(algorithm)
    with pytest.raises(InvalidRequest, match=r"key 1: .*public keys only"):
        parsed({**one.private, IDS: ["my_service"]})


def test_a_shared_secret_is_refused() -> None:
    secret = OctKey.generate_key(256).as_dict(private=True)
    with pytest.raises(InvalidRequest, match="public keys only"):
        parsed({**secret, IDS: ["a"]})


@pytest.mark.parametrize("ids", [None, [], "my_service", [7], ["a.b"], ["*a"], ["a*b"], ["a**"], [""], ["a" * 65]])
def test_a_key_is_bound_to_ids_that_can_be(ids: Any) -> None:
    with pytest.raises(InvalidRequest, match="omega:ids"):
        parsed({**pair().public, IDS: ids})


@pytest.mark.parametrize(
    "jwk",
    [
        ECKey.generate_key("P-384").as_dict(private=False),
        OKPKey.generate_key("X25519").as_dict(private=False),
        OKPKey.generate_key("Ed448").as_dict(private=False),
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "Ed25519"},
        {"kty": "EC"},
        {},
    ],
)
def test_a_key_of_another_kind_is_refused(jwk: Any) -> None:
    with pytest.raises(InvalidRequest, match="key 1"):
        parsed({**jwk, IDS: ["a"]})


def test_a_short_key_is_refused() -> None:
    modulus = rsa.generate_private_key(65_537, 1_024).public_key().public_numbers().n
    short = {"kty": "RSA", "n": encoded(modulus.to_bytes(128, "big")), "e": "AQAB"}
    with pytest.raises(InvalidRequest, match="1024 bits"):
        parsed({**short, IDS: ["a"]})


@pytest.mark.parametrize("more", [{"use": "enc"}, {"key_ops": ["sign"]}, {"alg": "RS256"}, {"kid": ""}, {"kid": "a b"}])
def test_a_key_that_is_for_something_else_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="key 1"):
        parsed({**pair().public, **more})


def test_a_name_stands_for_one_key() -> None:
    with pytest.raises(InvalidRequest, match="two different keys are named 'k1'"):
        parsed(pair("ES256").public, pair("RS256").public)


def test_a_key_that_is_listed_twice_may_sign_for_both() -> None:
    one = pair().public
    key = parsed({**one, IDS: ["a"]}, {**one, IDS: ["b"]}).get("k1")
    assert key is not None
    assert key.ids == ("a", "b")


def test_a_key_without_a_name_goes_by_its_thumbprint() -> None:
    public = {name: value for name, value in pair().public.items() if name != "kid"}
    assert parsed(public).get(pair().key.key.thumbprint()) is not None


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"keys": 1}', b'{"keys": [1]}', b"{}", b"\xff"])
def test_what_is_no_jwks_is_refused_by_the_name_of_its_file(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"trust\.json: not a JWKS"):
        TrustStore.parse({"trust.json": data})


# files ---------------------------------------------------------------------------------------------------------------


def test_a_folder_is_all_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(public_set([pair(kid="a").public]))
    (tmp_path / "b.jwks").write_bytes(public_set([pair(kid="b").public]))
    (tmp_path / "README.md").write_text("not a key")
    assert TrustStore.load(tmp_path).kids == {"a", "b"}


def test_a_store_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="No such file"):
        TrustStore.load(tmp_path / "nowhere.json")


def test_too_large_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(InvalidRequest, match="1048576 bytes"):
        TrustStore.load(tmp_path)


def replace(path: Path, data: bytes) -> None:
    beside = path.with_suffix(".new")
    beside.write_bytes(data)
    beside.replace(path)


async def test_a_store_that_changed_is_in_force_at_the_next_look(tmp_path: Path) -> None:
    file = tmp_path / "trust.json"
    file.write_bytes(public_set([pair(kid="a").public]))
    seen: list[tuple[frozenset[str], frozenset[str]]] = []
    watched = WatchedStore(file, lambda before, after: seen.append((before.kids, after.kids)))
    await watched.look()
    assert seen == []
    replace(file, public_set([pair(kid="b").public]))
    await watched.look()
    assert (watched.current.kids, seen) == ({"b"}, [({"a"}, {"b"})])


async def test_a_broken_store_keeps_the_last_good_one(tmp_path: Path) -> None:
    file = tmp_path / "trust.json"
    file.write_bytes(public_set([pair(kid="a").public]))
    watched = WatchedStore(file)
    for broken in (b"{", orjson.dumps({"keys": [{**pair().private, IDS: ["x"]}]})):
        replace(file, broken)
        await watched.look()
        assert watched.current.kids == {"a"}
    file.unlink()
    await watched.look()
    assert watched.current.kids == {"a"}
    file.write_bytes(public_set([pair(kid="b").public]))
    await watched.look()
    assert watched.current.kids == {"b"}


def test_a_store_that_is_broken_at_the_start_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trust.json").write_text("{")
    with pytest.raises(InvalidRequest, match="not a JWKS"):
        WatchedStore(tmp_path / "trust.json")
