"""The places where bytes from outside are read, each as a function of bytes that returns, or raises what it may.

Anything else that it raises is a finding, and so is a property that does not hold (AssertionError).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from multidict import CIMultiDict, CIMultiDictProxy

from bus import codec, headers
from bus.chunks import Assembly, announced
from bus.errors import FederationError
from bus.manifest import digest, read_manifest
from bus.message import Message, encode_headers, parse_headers
from bus.messages import Heartbeat
from bus.names import is_id
from bus.subjects import Subjects
from bus.validation import validated
from directory.answers import Answers
from directory.leases import Leases
from directory.record import Record
from directory.registry import Registry
from directory.text import TextIndex
from directory.versions import precedence, read_range
from directory.view import View
from gateway.mcp.federation.paging import read as read_cursor
from gateway.mcp.federation.scope import read_scope
from gateway.mcp.federation.splicing import raw, replaced
from gateway.mcp.front.admission import check_request, deadline, era_of, protocol_lines, travelling
from gateway.mcp.front.messages import Rejected, decoded, is_answer, is_notification, is_request
from gateway.mcp.front.tokens import Seal
from members.adapters.clientfile import read_servers
from members.adapters.sse import EventReader
from members.adapters.targets import Unusable

LIMIT = 1 << 20
_SEAL = Seal([b"k" * 32])
_VERBS = ("servers", "search", "server", "tags", "tools", "stats")


@dataclass(frozen=True, slots=True)
class Target:
    """One place."""

    read: Callable[[bytes], Any]
    may_raise: tuple[type[Exception], ...] = (FederationError,)

    def feed(self, data: bytes) -> None:
        """Raises what is a finding."""
        try:
            self.read(data)
        except self.may_raise as exc:
            if isinstance(exc, FederationError):
                orjson.dumps(exc.body())


def manifest(data: bytes) -> None:
    """A registration's body: what is taken can be written, and is taken again as it was."""
    taken = read_manifest(codec.decode_object(data))
    assert is_id(taken["id"])
    assert digest(read_manifest(orjson.loads(orjson.dumps(taken)))) == digest(taken)


def manifest_in_messagepack(data: bytes) -> None:
    """The same, in the other form."""
    digest(read_manifest(codec.decode_object(data, codec.MSGPACK)))


def record(data: bytes) -> None:
    """A record of the bucket that somebody wrote by hand."""
    Record.from_bytes(data)


def heartbeat(data: bytes) -> None:
    """A heartbeat."""
    validated(Heartbeat, codec.decode_object(data))


def subject(data: bytes) -> None:
    """A presence subject: whoever it names has a name that is safe everywhere."""
    who = Subjects().who(data.decode("utf-8", "replace"))
    assert who is None or (is_id(who.member) and is_id(who.instance))


def block(data: bytes) -> None:
    """A header block: what is read can be written, and reads the same."""
    found = parse_headers(b"NATS/1.0\r\n" + data)
    sane = {name: value for name, value in found.items() if name.isascii() and name.replace("-", "").isalnum()}
    again = parse_headers(encode_headers(sane))
    assert set(again) == set(sane)


def reply(data: bytes) -> None:
    """An answer from somebody on the bus, read as a failure."""
    head, _, body = data.partition(b"\n\n")
    failure = Message("s", body, parse_headers(b"NATS/1.0\r\n" + head)).failure("asked")
    assert failure is None or failure.body()


def frames(data: bytes) -> None:
    """The pieces of a body, in any order, any number of times."""
    assembly, messages = Assembly(LIMIT), data.split(b"\n\n")
    for piece in messages:
        head, _, body = piece.partition(b"\n")
        found = parse_headers(b"NATS/1.0\r\n" + head)
        message = Message("s", body, found)
        if headers.CHUNKS in found:
            assembly.body(announced(message, LIMIT))
        else:
            assembly.add(message)
    assert len(assembly) <= LIMIT


def question(data: bytes) -> None:
    """What a directory is asked: every verb's answer is a message of the form it was asked in."""
    for verb in _VERBS:
        for form in (codec.JSON, codec.MSGPACK):
            try:
                codec.decode(_ANSWERS.answer(verb, data, form), form)
            except FederationError as exc:
                orjson.dumps(exc.body())


def version(data: bytes) -> None:
    """A version and a range of versions."""
    text, _, wanted = data.decode("utf-8", "replace").partition("\n")
    precedence(text)
    read_range(wanted).holds(text)


def posted(data: bytes) -> None:
    """The POST of an MCP client: head lines, an empty line, a body."""
    head, _, body = data.partition(b"\n\n")
    sent = CIMultiDictProxy(CIMultiDict(_lines(head)))
    message = decoded(body)
    era_of(sent.get("MCP-Protocol-Version"), message)
    is_answer(message), is_notification(message)
    if is_request(message):
        lines = protocol_lines(sent)
        deadline(sent, 60)
        check_request(message, lines)
        travelling(sent, lines)


def spliced(data: bytes) -> None:
    """A request whose tool's name is replaced: nothing else of it changes."""
    message = decoded(data)
    if not is_request(message) or not isinstance(message.get("params"), dict):
        return
    if isinstance(message["params"].get("name"), str):
        changed = orjson.loads(replaced(data, message, ("params", "name"), "other"))
        assert changed == {**message, "params": {**message["params"], "name": "other"}}
    if "arguments" in message["params"]:
        assert orjson.loads(raw(data, message, ("params", "arguments"))) == message["params"]["arguments"]


def cursor(data: bytes) -> None:
    """A cursor of a list."""
    read_cursor("tools", data.decode("utf-8", "replace"))


def scope(data: bytes) -> None:
    """The query of `POST /mcp`."""
    read_scope(_lines(data))


def token(data: bytes) -> None:
    """A session's token: nobody makes one without the key."""
    assert _SEAL.session(data.decode("utf-8", "replace"), now=0.0) is None


def events(data: bytes) -> None:
    """Server-sent events: the same, however they are cut into chunks."""
    whole = EventReader(LIMIT).feed(data)
    reader = EventReader(LIMIT)
    assert [event for at in range(len(data)) for event in reader.feed(data[at : at + 1])] == whole


def client_file(data: bytes) -> None:
    """A client's configuration file."""
    read_servers(orjson.loads(data), {"HOME": "/home/somebody"})


def _lines(text: bytes) -> list[tuple[str, str]]:
    pairs = [line.partition(":")[::2] for line in text.decode("utf-8", "replace").splitlines()]
    return [(name.strip(), value.strip()) for name, value in pairs if name.strip()]


def _answers() -> Answers:
    """The reading side of a directory with one member."""

    async def made() -> Answers:
        registry = Registry()
        text = TextIndex(pause_s=0)
        text.start()
        said = read_manifest({"id": "known", "name": "Known", "tags": ["code"], "tools": [{"name": "add"}]})
        held = Record.from_bytes(
            orjson.dumps(
                {
                    "id": "known",
                    "instance": "default",
                    "status": "active",
                    "epoch": 1,
                    "digest": digest(said),
                    "registered_at": 0.0,
                    "changed_at": 0.0,
                    "manifest": said,
                }
            ),
        )
        text.follow(registry.apply(held, 1))
        await text.settled()
        await text.stop()
        return Answers(registry, View(registry, Leases()), text)

    return asyncio.run(made())


_ANSWERS = _answers()

TARGETS: dict[str, Target] = {
    "manifest": Target(manifest),
    "manifest_in_messagepack": Target(manifest_in_messagepack),
    "record": Target(record),
    "heartbeat": Target(heartbeat),
    "subject": Target(subject),
    "block": Target(block),
    "reply": Target(reply),
    "frames": Target(frames),
    "question": Target(question),
    "version": Target(version),
    "posted": Target(posted, (FederationError, Rejected)),
    "spliced": Target(spliced, (FederationError, Rejected)),
    "cursor": Target(cursor),
    "scope": Target(scope),
    "token": Target(token),
    "events": Target(events, (ValueError,)),
    "client_file": Target(client_file, (orjson.JSONDecodeError, Unusable)),
}
