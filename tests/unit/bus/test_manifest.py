"""The manifest: documented fields, kept unknown ones, limits that are named."""

from __future__ import annotations

from typing import Any

import pytest

from bus.errors import InvalidRequest, TooLarge
from bus.manifest import digest, read_manifest

SMALL: dict[str, Any] = {"id": "m", "name": "M"}


def test_the_documented_fields_come_back_as_they_were() -> None:
    manifest = {
        **SMALL,
        "description": "d",
        "version": "1.2.3",
        "capabilities": ["repo.read"],
        "tags": ["code"],
        "endpoints": {"mcp": "http://h:1/mcp", "health": "http://h:1/health"},
    }
    read = read_manifest(manifest)
    assert {name: read[name] for name in manifest} == manifest


def test_display_name_and_service_id_are_other_words_for_name_and_id() -> None:
    read = read_manifest({"service_id": "m", "display_name": "M"})
    assert (read["id"], read["name"]) == ("m", "M")


def test_unknown_fields_are_kept() -> None:
    assert read_manifest({**SMALL, "x-team": {"mail": "a@b"}})["x-team"] == {"mail": "a@b"}


def test_what_only_the_directory_knows_is_taken_from_no_member() -> None:
    offered = {**SMALL, "status": "active", "last_seen": "now", "registered_at": "x", "instances": [], "signed": True}
    assert not {"status", "last_seen", "registered_at", "instances", "signed"} & read_manifest(offered).keys()


def test_the_id_may_come_from_the_subject_and_must_agree_with_it() -> None:
    assert read_manifest({"name": "M"}, member="m")["id"] == "m"
    with pytest.raises(InvalidRequest, match="id"):
        read_manifest({"id": "x", "name": "M"}, member="m")
    with pytest.raises(InvalidRequest, match="id"):
        read_manifest({"service_id": "x", "name": "M"}, member="m")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"tags": ["t"] * 257}, "tags: .*256"),
        ({"tags": ["x" * 129]}, "tags.0: .*128"),
        ({"tags": "code"}, "tags: .*list"),
        ({"capabilities": [1]}, "capabilities.0: .*string"),
        ({"name": ""}, "name: .*1 character"),
        ({"version": "v" * 65}, "version: .*64"),
        ({"endpoints": {"mcp": "file:///etc/passwd"}}, "endpoints.mcp"),
        ({"endpoints": {"mcp": "http://a b"}}, "endpoints.mcp"),
        ({"heartbeat_interval_s": 0}, "heartbeat_interval_s: .*0.2"),
        ({"heartbeat_interval_s": float("nan")}, "heartbeat_interval_s"),
        ({"tools": [{"description": "no name"}]}, "tools.0.name"),
        ({"epoch": -1}, "epoch"),
    ],
)
def test_a_field_out_of_bounds_is_named_with_its_limit(more: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        read_manifest({**SMALL, **more})


def test_a_manifest_above_its_size_is_refused() -> None:
    with pytest.raises(TooLarge, match="262144"):
        read_manifest({**SMALL, "x": "y" * 262_144})


def test_the_digest_does_not_depend_on_the_order_of_fields() -> None:
    assert digest({"a": 1, "b": [1]}) == digest({"b": [1], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert len(digest({})) == 16
