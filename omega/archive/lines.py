"""A backup line by line: JSON throughout, so that `zcat` and `jq` (or eyes) read it without us.

The first line is the header; then one line for each write of the registry, each of the owners and each event, in the
streams' order. Version 1 had no owners.

A value that is JSON as we write it stands in the line as JSON; anything else as text or base64, byte for byte.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from bus.kv import TTL, Entry
from bus.reading import Stored
from omega.trouble import Trouble

VERSION: Literal[2] = 2
WITHOUT_OWNERS: Literal[1] = 1
"""The version before, which is read too."""

TAIL = re.compile(r"[^\s.*>]+(\.[^\s.*>]+)*")
Tail = Annotated[str, StringConstraints(max_length=4_096, pattern=f"^{TAIL.pattern}$")]
"""What may stand behind a prefix in a subject."""
Count = Annotated[int, Field(ge=0)]


class BadBackup(Trouble):
    """The file is no backup of ours, or a damaged one."""


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(Line):
    """One stream in the backup."""

    stream: str
    sequence: Count
    """The state of the stream after its message of this sequence is what the backup holds."""
    lines: Count


class Header(Line):
    """What the backup is, known before its first line is used."""

    omega_backup: Literal[1, 2] = VERSION
    made_at: str
    omega: str
    """The version that made it."""
    prefix: str
    registry: Part
    owners: Part | None = None
    """None: of version 1."""
    events: Part
    bytes: Count
    """Of all the lines behind this one."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of the same lines."""

    @model_validator(mode="after")
    def _has_what_its_version_has(self) -> Self:
        if (self.owners is None) != (self.omega_backup == WITHOUT_OWNERS):
            raise ValueError("owners belong to version 2")
        return self


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def _bytes(text: str) -> str:
    base64.b64decode(text, validate=True)
    return text


class _Valued(Line):
    at: Annotated[str, AfterValidator(_moment)]
    """When the stream took it, RFC 3339."""
    value: Any = None
    text: str | None = None
    base64: Annotated[str, AfterValidator(_bytes)] | None = None

    @property
    def data(self) -> bytes:
        """The value, byte for byte."""
        if self.base64 is not None:
            return base64.b64decode(self.base64)
        return orjson.dumps(self.value) if self.text is None else self.text.encode()


class RecordLine(_Valued):
    """One write of the registry's bucket; a later one of the same key replaces it."""

    record: Tail
    revision: Count
    ttl_s: Annotated[int, Field(ge=1)] | None = None
    gone: bool = False
    """The write deleted the key."""

    @property
    def ends_at(self) -> float | None:
        """Unix seconds when the registry was to forget it; None: never."""
        return None if self.ttl_s is None else datetime.fromisoformat(self.at).timestamp() + self.ttl_s


class OwnerLine(_Valued):
    """One write of the bucket of owners: who owns an id, or that it was released; a later one of the id replaces it."""

    owned: Tail
    """The id."""
    revision: Count
    gone: bool = False
    """The write deleted the key."""


class EventLine(_Valued):
    """One event of the audit trail."""

    event: Tail
    """Its subject without the prefix and without `event`."""
    sequence: Count
    headers: dict[str, str] = Field(default_factory=dict)


AnyLine = RecordLine | OwnerLine | EventLine
_ANY: TypeAdapter[AnyLine] = TypeAdapter(AnyLine)


def record_line(entry: Entry, stored: Stored) -> bytes:
    """The line of one write of the registry; empty for a key that no key can be."""
    if TAIL.fullmatch(entry.key) is None:
        return b""
    told: dict[str, Any] = {"record": entry.key, "revision": entry.revision, "at": stored.at}
    if entry.value is None:
        return _line(told | {"gone": True})
    ttl = stored.headers.get(TTL, "")
    return _line(told | ({"ttl_s": int(ttl)} if ttl.isdigit() and int(ttl) else {}) | _value(entry.value))


def owner_line(entry: Entry, stored: Stored) -> bytes:
    """The line of one write of the bucket of owners; empty for a key that no key can be."""
    if TAIL.fullmatch(entry.key) is None:
        return b""
    told: dict[str, Any] = {"owned": entry.key, "revision": entry.revision, "at": stored.at}
    return _line(told | ({"gone": True} if entry.value is None else _value(entry.value)))


def event_line(tail: str, stored: Stored) -> bytes:
    """The line of one event; empty for a subject that somebody wrote with a wildcard in it."""
    if TAIL.fullmatch(tail) is None:
        return b""
    own = {name: value for name, value in stored.headers.items() if not name.startswith(("Nats-", "Omega-Restored"))}
    told = {"event": tail, "sequence": stored.sequence, "at": stored.at}
    return _line(told | ({"headers": own} if own else {}) | _value(stored.data))


def read_line(line: bytes) -> AnyLine:
    """The line of `record_line`, `owner_line` or `event_line`. Raises BadBackup."""
    try:
        return _ANY.validate_python(orjson.loads(line))
    except ValueError as exc:
        raise BadBackup("the backup is damaged: a line of it cannot be read") from exc


def read_header(line: bytes) -> Header:
    """The first line. Raises BadBackup: not ours, or of another version."""
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        raise BadBackup("this is no backup of omega: its first line is not JSON") from exc
    version = told.get("omega_backup") if isinstance(told, dict) else None
    if version is None:
        raise BadBackup("this is no backup of omega: its first line names no version")
    if version not in (WITHOUT_OWNERS, VERSION):
        raise BadBackup(f"this backup is of version {str(version)[:20]}; this omega reads up to version {VERSION}")
    try:
        return Header.model_validate(told)
    except ValidationError as exc:
        raise BadBackup("the first line of the backup is damaged") from exc


def _value(data: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(data)
        if orjson.dumps(value) == data:
            return {"value": value}
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        pass
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _line(told: dict[str, Any]) -> bytes:
    return orjson.dumps(told) + b"\n"
