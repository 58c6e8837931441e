from __future__ import annotations

import base64
from typing import Any

import pytest

from bus.errors import InvalidRequest, Malformed, UnknownMember
from gateway.lifecycle import claimed_id, find_instance


def _token(payload: bytes) -> str:
    return f"e30.{base64.urlsafe_b64encode(payload).rstrip(b'=').decode()}.c2ln"


@pytest.mark.parametrize("manifest", [{"id": "a"}, {"service_id": "a"}, {"signed": _token(b'{"id":"a"}')}])
def test_a_registration_names_its_member(manifest: dict[str, Any]) -> None:
    assert claimed_id(manifest) == "a"


@pytest.mark.parametrize(
    "manifest", [{"name": "a"}, {"id": None}, {"id": 7}, {"id": "a.b"}, {"signed": _token(b'{"name":"a"}')}]
)
def test_a_registration_without_a_good_id_is_refused(manifest: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=r"^id"):
        claimed_id(manifest)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", _token(b"[]"), _token(b"{"), "a.b.c.d"])
def test_a_signed_registration_that_is_no_token_is_refused(token: str) -> None:
    with pytest.raises((Malformed, InvalidRequest), match=r"^signed"):
        claimed_id({"signed": token})


def test_a_heartbeat_of_an_unknown_instance_is_one_of_nobody() -> None:
    manifest = {"id": "a", "instances": [{"id": "one"}]}
    find_instance(manifest, "one")
    with pytest.raises(UnknownMember, match="'two'"):
        find_instance(manifest, "two")
