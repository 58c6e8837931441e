"""When a member signs anew, and with which key."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from bus.compact import unverified
from bus.errors import InvalidRequest
from bus.keyfiles import new_key, write_private
from members.signer import Signer
from tests.support.signing import MANIFEST, NOW, pair, unpadded


class Time:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    write_private(path, pair().private)
    return path


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def signer(key: Path, time: Time) -> Signer:
    return Signer(key, lifetime_s=100, instance="one", clock=time)


def kid(token: str) -> str:
    return str(orjson.loads(unpadded(token.partition(".")[0]))["kid"])


def test_a_signature_names_its_time_its_life_and_its_copy(signer: Signer) -> None:
    said = unverified(signer.token(MANIFEST, 7))
    assert (said["iat"], said["exp"], said["epoch"], said["instance"]) == (NOW, NOW + 100, 7, "one")


def test_the_same_manifest_has_the_same_signature_until_half_its_time_is_over(signer: Signer, time: Time) -> None:
    first = signer.token(MANIFEST, 7)
    time.now += 49
    assert signer.token(dict(MANIFEST), 7) == first
    time.now += 2
    assert signer.token(MANIFEST, 7) != first


def test_another_manifest_or_life_is_signed_at_once(signer: Signer) -> None:
    tokens = [signer.token(MANIFEST, 7), signer.token({**MANIFEST, "version": "2.0.0"}, 7), signer.token(MANIFEST, 8)]
    assert len(set(tokens)) == 3


def test_each_signature_is_later_than_the_one_before(signer: Signer) -> None:
    times = [unverified(signer.token(MANIFEST, 7, afresh=True))["iat"] for _ in range(5)]
    assert times == sorted(set(times))


def test_a_key_that_was_replaced_signs_from_then_on(signer: Signer, key: Path, tmp_path: Path) -> None:
    assert kid(signer.token(MANIFEST, 7)) == "k1"
    write_private(tmp_path / "new", new_key("k2"))
    (tmp_path / "new").replace(key)
    assert kid(signer.token(MANIFEST, 7)) == "k1"
    assert kid(signer.token(MANIFEST, 7, afresh=True)) == "k2"


def test_a_key_that_went_bad_leaves_the_last_one_in_use(signer: Signer, key: Path) -> None:
    key.chmod(0o644)
    assert kid(signer.token(MANIFEST, 7)) == "k1"


def test_without_a_good_key_nobody_begins_to_sign(key: Path) -> None:
    key.chmod(0o644)
    with pytest.raises(InvalidRequest, match="chmod 600"):
        Signer(key)
