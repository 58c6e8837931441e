"""Private keys in files: made, kept from others, read back."""

from __future__ import annotations

import stat
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from joserfc.jwk import ECKey, OKPKey, RSAKey

from bus.errors import InvalidRequest
from bus.keyfiles import add_trusted, new_key, public_part, read_signing_key, write_private
from bus.signing import Terms, sign_manifest, verify_token
from bus.truststore import ALGORITHMS, TrustStore, trusted_key
from tests.support.signing import MANIFEST, NOW, pair


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_new_key_is_written_for_its_owner_alone_and_read_back(tmp_path: Path, algorithm: str) -> None:
    path, made = tmp_path / "key.json", new_key("k1", algorithm)
    write_private(path, made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = read_signing_key(path)
    assert (key.kid, key.algorithm) == ("k1", algorithm)
    store = TrustStore([trusted_key(public_part(made, ["my_service"]))])
    assert verify_token(sign_manifest(MANIFEST, key, Terms(1, NOW, 60)), store, now=NOW).algorithm == algorithm


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    write_private(path, new_key("k1"))
    before = path.read_bytes()
    with pytest.raises(InvalidRequest, match="never overwritten"):
        write_private(path, new_key("k2"))
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key.json"
    write_private(path, new_key("k1"))
    path.chmod(mode)
    with pytest.raises(InvalidRequest, match=f"mode {mode:o}"):
        read_signing_key(path)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSAKey.generate_key(2_048), "RS256"),
        (ECKey.generate_key("P-256"), "ES256"),
        (OKPKey.generate_key("Ed25519"), "EdDSA"),
    ],
)
def test_pem_is_read_too(tmp_path: Path, key: RSAKey | ECKey | OKPKey, algorithm: str) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(key.as_pem(private=True))
    path.chmod(0o600)
    assert read_signing_key(path).algorithm == algorithm
    assert read_signing_key(path).kid == key.thumbprint()
    assert read_signing_key(path, "mine").kid == "mine"


def test_what_cannot_sign_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    secret = ECKey.generate_key("P-256").private_key
    assert secret is not None
    locked = secret.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )
    public = pair().key.key.as_pem(private=False)
    other = ECKey.generate_key("P-384").as_pem(private=True)
    for data in (b"", b"{}", b"[]", b"x", orjson.dumps(pair().public), locked, public, other):
        path.write_bytes(data)
        path.chmod(0o600)
        with pytest.raises(InvalidRequest):
            read_signing_key(path)
    path.unlink()
    with pytest.raises(InvalidRequest, match="No such file"):
        read_signing_key(path)


def test_the_public_part_holds_nothing_private() -> None:
    for algorithm in ALGORITHMS:
        one = pair(algorithm)
        assert not {"d", "p", "q", "dp", "dq", "qi"} & one.public.keys()


def test_an_algorithm_that_is_not_known_makes_no_key() -> None:
    with pytest.raises(InvalidRequest, match="alg"):
        new_key("k1", "HS256")


def test_a_trusted_key_is_added_to_a_file_or_a_folder(tmp_path: Path) -> None:
    file, folder = tmp_path / "trust.json", tmp_path / "trust"
    folder.mkdir()
    for kid in ("a", "b/../c"):
        for store in (file, folder):
            add_trusted(store, pair(kid=kid).public)
    assert TrustStore.load(file).kids == TrustStore.load(folder).kids == {"a", "b/../c"}
    assert sorted(path.name for path in folder.iterdir()) == ["a.json", "b____c.json"]
    with pytest.raises(InvalidRequest, match="'a' is there already"):
        add_trusted(file, pair(kid="a").public)


def test_nothing_is_added_to_what_is_no_store(tmp_path: Path) -> None:
    file = tmp_path / "trust.json"
    file.write_text("{")
    with pytest.raises(InvalidRequest, match="not a JWKS"):
        add_trusted(file, pair().public)
    assert file.read_text() == "{"
