"""From request bytes to reply bytes, and that a reply given again is never out of date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bus.codec import JSON, MSGPACK, decode, encode
from bus.errors import (
    FederationError,
    InvalidRequest,
    Malformed,
    NotFound,
    TooLarge,
    UnknownMember,
    UnsupportedMedia,
)
from bus.messages import Status
from bus.subjects import Instance
from directory.answers import Answers
from directory.leases import Leases, Seen
from directory.record import Record
from directory.registry import Registry
from directory.replies import Replies
from directory.select import Choice
from directory.text import TextIndex
from directory.view import View
from tests.unit.directory.catalogue import MANIFESTS
from tests.unit.directory.samples import BORN, record, tool

PAGE_FIELDS = {"total", "page", "limit", "next_page"}


class Replica:
    """The reading side of one replica, put together as a directory does it."""

    def __init__(self, **more: Any) -> None:
        self.registry = Registry()
        self.leases = Leases()
        self.view = View(self.registry, self.leases)
        self.text = TextIndex(pause_s=0)
        self.kept = Replies()
        self.answers = Answers(self.registry, self.view, self.text, lambda: {"ready": True}, replies=self.kept, **more)

    def hold(self, one: Record) -> None:
        self.text.follow(self.registry.apply(one, self.registry.revision + 1))

    def beat(self, who: Instance, at: float) -> None:
        self.leases.renew(who, Seen(at))
        self.view.touch(who)

    def ask(self, verb: str, form: str = JSON, /, **query: Any) -> Any:
        return decode(self.answers.answer(verb, encode(query, form), form), form)

    def ids(self, verb: str = "search", form: str = JSON, /, **query: Any) -> list[str]:
        return [member["id"] for member in self.ask(verb, form, **query)["servers"]]


@pytest.fixture
async def replica() -> AsyncIterator[Replica]:
    """A replica that holds the catalogue, all of it found."""
    replica = Replica()
    replica.text.start()
    for member, said in MANIFESTS.items():
        replica.hold(record(member, **said))
    await asyncio.wait_for(replica.text.settled(), 5)
    yield replica
    await replica.text.stop()


forms = pytest.mark.parametrize("form", [JSON, MSGPACK])


@forms
@pytest.mark.parametrize("verb", ["servers", "search"])
def test_members_are_listed_with_the_numbers_of_the_page(replica: Replica, verb: str, form: str) -> None:
    reply = replica.ask(verb, form, tag="code", limit=1)
    assert {name: reply[name] for name in PAGE_FIELDS} == {"total": 2, "page": 1, "limit": 1, "next_page": 2}
    assert reply.keys() == {"servers", *PAGE_FIELDS}
    member = replica.registry.get("code_analyzer_fastmcp")
    assert member is not None
    assert reply["servers"] == [replica.view.manifest(member)]


def test_an_empty_body_asks_for_all(replica: Replica) -> None:
    reply = decode(replica.answers.answer("servers", b""))
    assert (reply["total"], reply["limit"], reply["next_page"]) == (5, 50, None)


@forms
def test_nobody_found_is_an_empty_list(replica: Replica, form: str) -> None:
    reply = replica.ask("search", form, tag="unheard of")
    assert reply == {"servers": [], "total": 0, "page": 1, "limit": 50, "next_page": None}


@forms
def test_one_member_is_its_manifest(replica: Replica, form: str) -> None:
    reply = replica.ask("server", form, id="image_service_fastmcp")
    assert (reply["id"], reply["status"], reply["instances"][0]["id"]) == ("image_service_fastmcp", "active", "default")


def test_an_unknown_member_is_an_error_that_says_who_was_meant(replica: Replica) -> None:
    for verb, query in (("server", {"id": "image_servise_fastmcp"}), ("tools", {"server": "image_servise_fastmcp"})):
        with pytest.raises(UnknownMember) as refused:
            replica.ask(verb, **query)
        assert refused.value.details == {"id": "image_servise_fastmcp", "did_you_mean": ["image_service_fastmcp"]}


def test_tags_are_counted_the_most_frequent_first(replica: Replica) -> None:
    replica.hold(record("old", tags=["code", "old"], status=Status.STALE))
    assert replica.ask("tags")["tags"][:2] == [{"tag": "code", "count": 2}, {"tag": "analysis", "count": 1}]
    assert {"tag": "old", "count": 1} not in replica.ask("tags")["tags"]
    assert replica.ask("tags", status="any")["tags"][0] == {"tag": "code", "count": 3}
    assert replica.ask("tags", status="stale")["tags"] == [{"tag": "code", "count": 1}, {"tag": "old", "count": 1}]


@forms
def test_tools_come_with_their_member(replica: Replica, form: str) -> None:
    reply = replica.ask("tools", form, server="image_service_fastmcp")
    assert reply == {
        "tools": [
            {"server": "image_service_fastmcp", **entry} for entry in MANIFESTS["image_service_fastmcp"]["tools"]
        ],
        "total": 2,
        "page": 1,
        "limit": 50,
        "next_page": None,
    }


def test_a_tool_cannot_name_another_member(replica: Replica) -> None:
    replica.hold(record("liar", tools=[{**tool("t"), "server": "code_analyzer_fastmcp"}]))
    assert [entry["server"] for entry in replica.ask("tools", server="liar")["tools"]] == ["liar"]


def test_tools_are_those_of_the_members_that_match(replica: Replica) -> None:
    assert {entry["server"] for entry in replica.ask("tools", tag="image")["tools"]} == {"image_service_fastmcp"}
    assert replica.ask("tools", tag="code", server="image_service_fastmcp")["total"] == 0
    assert replica.ask("tools", q="resize")["tools"][0]["name"] == "resize"


def test_stats_count_members_and_tell_the_facts_of_the_replica(replica: Replica) -> None:
    replica.hold(record("old", status=Status.STALE))
    stats = replica.ask("stats")
    counts = {"members": 6, "active": 5, "stale": 1, "instances": 6, "revision": 6, "ready": True}
    assert {name: stats[name] for name in counts} == counts
    assert (stats["text_pending"], stats["text_running"]) == (1, True)


@forms
def test_a_choice_is_shown_with_its_manifest_and_nobody_is_an_answer(replica: Replica, form: str) -> None:
    member = replica.registry.get("cafe_zuerich")
    assert member is not None
    choice = Choice(member, Instance("cafe_zuerich"), 0.01234, considered=3)
    assert decode(replica.answers.selected(choice, form), form) == {
        "server": replica.view.manifest(member),
        "instance": "default",
        "response_time_ms": 12.34,
        "considered": 3,
    }
    nobody = {"server": None, "instance": None, "response_time_ms": None, "considered": 0}
    assert decode(replica.answers.selected(None, form), form) == nobody


def test_the_query_of_select_is_read_strictly(replica: Replica) -> None:
    assert replica.answers.select_query(b'{"tag":"code"}').tag == ["code"]
    with pytest.raises(InvalidRequest, match="limit"):
        replica.answers.select_query(b'{"limit":1}')


@pytest.mark.parametrize(
    ("verb", "body", "content_type", "error", "words"),
    [
        ("search", b'{"tagg":"code"}', None, InvalidRequest, "tagg"),
        ("servers", b'{"id":"a"}', None, InvalidRequest, "id"),
        ("tags", b'{"limit":1}', None, InvalidRequest, "limit"),
        ("stats", b'{"x":1}', None, InvalidRequest, "x"),
        ("server", b"", None, InvalidRequest, "id"),
        ("server", b'{"id":"*"}', None, InvalidRequest, "id"),
        ("server", b'{"id":"a.b"}', None, InvalidRequest, "id"),
        ("search", b'{"limit":0}', None, InvalidRequest, "limit"),
        ("search", b'{"limit":1001}', None, InvalidRequest, "limit"),
        ("search", b'{"page":0}', None, InvalidRequest, "page"),
        ("search", b'{"status":"dead"}', None, InvalidRequest, "status"),
        ("search", b'{"tag":5}', None, InvalidRequest, "tag"),
        ("search", b'{"version":"newest"}', None, InvalidRequest, "version"),
        ("search", b"{", None, Malformed, "JSON"),
        ("search", b"[]", None, Malformed, "object"),
        ("search", b"\xc1", MSGPACK, Malformed, "MessagePack"),
        ("search", b"{}", "application/xml", UnsupportedMedia, "application/xml"),
        ("forget", b"{}", None, NotFound, "forget"),
    ],
)
def test_a_bad_request_is_refused_with_its_reason(
    replica: Replica, verb: str, body: bytes, content_type: str | None, error: type[FederationError], words: str
) -> None:
    for _ in range(2):
        with pytest.raises(error, match=words):
            replica.answers.answer(verb, body, content_type)


def test_a_reply_too_large_for_a_message_is_refused_naming_the_limit() -> None:
    replica = Replica(max_reply_bytes=2_000)
    for number in range(20):
        replica.hold(record(f"m{number}"))
    assert len(replica.ask("servers", limit=4)["servers"]) == 4
    with pytest.raises(TooLarge, match="ask for a smaller limit"):
        replica.ask("servers", limit=20)


@forms
def test_the_same_question_is_answered_with_the_same_bytes(replica: Replica, form: str) -> None:
    body = encode({"tag": "code"}, form)
    assert replica.answers.answer("search", body, form) is replica.answers.answer("search", body, form)


def test_the_form_is_part_of_the_question(replica: Replica) -> None:
    assert replica.answers.answer("search", b"", JSON)[:1] == b"{"
    assert decode(replica.answers.answer("search", b"", MSGPACK), MSGPACK)["total"] == 5


@forms
def test_a_reply_given_again_shows_the_last_heartbeat(replica: Replica, form: str) -> None:
    who = Instance("cafe_zuerich")
    questions: list[Callable[[], Any]] = [
        lambda: replica.ask("search", form, tag="food")["servers"][0],
        lambda: replica.ask("server", form, id=who.member),
    ]
    for ask in questions:
        ask()
    replica.beat(who, BORN + 3)
    assert [ask()["last_seen"] for ask in questions] == ["2027-01-15T08:00:03.000Z"] * 2
    replica.beat(who, BORN + 4)
    assert [ask()["last_seen"] for ask in questions] == ["2027-01-15T08:00:04.000Z"] * 2


@forms
def test_a_reply_given_again_shows_every_change_of_the_registry(replica: Replica, form: str) -> None:
    assert len(replica.ids("search", form, tag="code")) == 2
    replica.hold(record("third", tags=["code"]))
    assert len(replica.ids("search", form, tag="code")) == 3
    replica.hold(record("third", tags=["code"], status=Status.STALE))
    assert len(replica.ids("search", form, tag="code")) == 2
    replica.hold(record("third", status=Status.LEFT))
    assert replica.ids("search", form, tag="code", status="any") == replica.ids("search", form, tag="code")
    assert {"tag": "code", "count": 2} in replica.ask("tags", form)["tags"]


async def test_a_reply_given_again_shows_what_text_finds_by_now(replica: Replica) -> None:
    assert replica.ids(q="giraffe") == []
    replica.hold(record("zoo", description="giraffes"))
    assert replica.ids(q="giraffe") == []
    await asyncio.wait_for(replica.text.settled(), 5)
    assert replica.ids(q="giraffe") == ["zoo"]


def test_text_never_shows_who_is_gone_or_stale(replica: Replica) -> None:
    assert replica.ids(q="image")[0] == "image_service_fastmcp"
    replica.hold(record("image_service_fastmcp", status=Status.STALE))
    assert "image_service_fastmcp" not in replica.ids(q="image")
    assert replica.ids(q="image", status="stale") == ["image_service_fastmcp"]
    replica.hold(record("image_service_fastmcp", status=Status.LEFT))
    assert "image_service_fastmcp" not in replica.ids(q="image", status="any")


def test_refusals_are_not_remembered(replica: Replica) -> None:
    with pytest.raises(UnknownMember):
        replica.ask("server", id="later")
    assert len(replica.kept) == 0
    replica.hold(record("later"))
    assert replica.ask("server", id="later")["id"] == "later"
