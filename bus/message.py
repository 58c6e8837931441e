"""One message of the bus as a value, and the wire form of its headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from bus import codec, headers
from bus.errors import FederationError, Internal, InvalidRequest, NoInstance, Refused, from_body

EMPTY: Mapping[str, str] = MappingProxyType({})

_PREAMBLE = b"NATS/1.0"
_BLANK = " \t\n\r\x0b\f"
_KEY = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NEWLINES = str.maketrans({"\r": " ", "\n": " "})


class Message(NamedTuple):
    """What arrived: on which subject, with which headers, and where an answer is awaited ("" = nowhere).

    A named tuple, as are the other values made for every call: a frozen dataclass takes three times as long to make.
    """

    subject: str
    data: bytes
    headers: Mapping[str, str] = EMPTY
    reply: str = ""

    @property
    def form(self) -> str:
        """Its content type, `bus.codec.JSON` or `MSGPACK`. Raises UnsupportedMedia."""
        return codec.content_type(self.headers.get(headers.CONTENT_TYPE))

    def failure(self, asked: str) -> FederationError | None:
        """The error this reply to a request of `asked` carries, or None: "no responders", or an error of ours."""
        if self.headers is EMPTY:
            return None
        if self.headers.get(headers.STATUS) == "503":
            return NoInstance(f"nobody serves {asked} now")
        if headers.ERROR_CODE not in self.headers:
            return None
        failure = self._described_failure()
        failure.unexecuted = self.headers.get(headers.EXECUTED) == "no"
        return failure

    def _described_failure(self) -> FederationError:
        try:
            return from_body(codec.decode(self.data, self.form))
        except Refused:
            return Internal(self.headers.get(headers.ERROR, "an error reply that cannot be read"))


def error_reply(
    message: Message, error: FederationError, more: Mapping[str, str] = EMPTY
) -> tuple[bytes, dict[str, str]]:
    """The body and headers that tell the sender of `message` of `error`, in the form it wrote in."""
    try:
        form = message.form
    except FederationError:
        form = codec.JSON
    described = {
        headers.ERROR: error.message[:200],
        headers.ERROR_CODE: error.nats_code,
        headers.CONTENT_TYPE: form,
        **more,
    }
    return codec.encode(error.body(), form), described


class HeaderBlock(bytes):
    """Headers ready for the wire: what sends the same ones again and again encodes them once."""


Headers = Mapping[str, str] | HeaderBlock


def encode_headers(values: Headers | None) -> bytes:
    """The header block of a publish, empty without headers. Line breaks in values become spaces.

    Raises InvalidRequest for a bad name.
    """
    if not values:
        return b""
    if isinstance(values, HeaderBlock):
        return values
    lines = "".join([f"{_checked(name)}: {value}\r\n" for name, value in values.items()])
    if lines.count("\n") != len(values) or lines.count("\r") != len(values):
        lines = "".join([f"{name}: {value.translate(_NEWLINES)}\r\n" for name, value in values.items()])
    return HeaderBlock(b"%s\r\n%s\r\n" % (_PREAMBLE, lines.encode()))


@lru_cache(maxsize=1_024)
def _checked(name: str) -> str:
    if _KEY.fullmatch(name) is None:
        raise InvalidRequest(f"header name {name[:80]!r}: letters, digits and - only")
    return name


def parse_headers(block: bytes | None) -> Mapping[str, str]:
    """The headers of a received block; a status line becomes `Status` and `Description`. Never raises."""
    if not block:
        return EMPTY
    first, *lines = block.decode("utf-8", "replace").split("\r\n")
    found: dict[str, str] = {}
    if len(first) > len(_PREAMBLE):
        found[headers.STATUS], _, found[headers.DESCRIPTION] = first[len(_PREAMBLE) + 1 :].partition(" ")
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            found[name] = value.strip(_BLANK)
    return found or EMPTY
