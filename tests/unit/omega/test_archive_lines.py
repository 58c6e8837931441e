"""The lines of a backup: what is written is read, byte for byte, and what a header says is what its version has."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bus.kv import Entry
from bus.reading import Stored
from omega.archive.lines import BadBackup, EventLine, OwnerLine, RecordLine, owner_line, read_header, read_line

AT = "2026-11-22T12:00:00.000Z"
OWNED = b'{"id":"m","owner":"http:alice","since":1.5,"by":"operator"}'
PART = {"stream": "KV_omega_owners", "sequence": 3, "lines": 1}
HEADER = {
    "omega_backup": 2,
    "made_at": AT,
    "omega": "1.0.0",
    "prefix": "omega",
    "registry": PART,
    "owners": PART,
    "events": PART,
    "bytes": 9,
    "sha256": "0" * 64,
}


def line_of(key: str, value: bytes | None) -> bytes:
    return owner_line(Entry(key, value, 7), Stored(f"$KV.omega_owners.{key}", value or b"", {}, 7, AT))


def header(**changed: Any) -> bytes:
    told = HEADER | changed
    return orjson.dumps({name: value for name, value in told.items() if value is not ...})


@pytest.mark.parametrize("value", [OWNED, b'{ "owner" : null }', b"", b"null", b"\xff\x00"])
def test_an_owner_comes_back_byte_for_byte(value: bytes) -> None:
    read = read_line(line_of("m", value))
    assert isinstance(read, OwnerLine)
    assert (read.owned, read.revision, read.at, read.data, read.gone) == ("m", 7, AT, value, False)


def test_a_person_reads_who_owns_what() -> None:
    assert orjson.loads(line_of("m", OWNED)) == {
        "owned": "m",
        "revision": 7,
        "at": AT,
        "value": {"id": "m", "owner": "http:alice", "since": 1.5, "by": "operator"},
    }


def test_a_deleted_entry_is_told_as_gone() -> None:
    read = read_line(line_of("m", None))
    assert isinstance(read, OwnerLine)
    assert read.gone


def test_a_key_that_none_can_be_has_no_line() -> None:
    assert line_of("m.*", OWNED) == b""


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"record": "m.default", "revision": 1}, RecordLine),
        ({"owned": "m", "revision": 1}, OwnerLine),
        ({"event": "registered.m", "sequence": 1}, EventLine),
    ],
)
def test_each_kind_of_line_is_told_by_its_own_word(told: dict[str, Any], kind: type) -> None:
    assert type(read_line(orjson.dumps(told | {"at": AT, "value": 1}))) is kind


@pytest.mark.parametrize(
    "told",
    [{"owned": "m"}, {"owned": "m", "revision": 1, "record": "m"}, {"owned": "m", "revision": 1, "ttl_s": 5}],
)
def test_a_line_of_no_kind_is_damage(told: dict[str, Any]) -> None:
    with pytest.raises(BadBackup, match="damaged"):
        read_line(orjson.dumps(told | {"at": AT}))


def test_a_header_of_version_1_has_no_owners_and_one_of_version_2_does() -> None:
    assert read_header(header(omega_backup=1, owners=...)).owners is None
    assert read_header(header()).owners is not None


@pytest.mark.parametrize("changed", [{"omega_backup": 1}, {"owners": ...}, {"owners": None}])
def test_a_header_that_has_not_what_its_version_has_is_damage(changed: dict[str, Any]) -> None:
    with pytest.raises(BadBackup, match="first line"):
        read_header(header(**changed))


@pytest.mark.parametrize("version", [0, 3, "2", [2]])
def test_a_header_of_another_version_is_refused_by_name(version: object) -> None:
    with pytest.raises(BadBackup, match="reads up to version 2"):
        read_header(header(omega_backup=version))
