"""Replies kept, bounded in number and bytes."""

from __future__ import annotations

from directory.replies import MAX_REQUEST, Key, Replies, Reply, Stamp


def key(name: str) -> Key:
    return ("search", "application/json", name.encode())


def reply(body: bytes = b"body") -> Reply:
    return Reply(body, Stamp(1, 1), 0, None)


def test_a_reply_is_kept_for_its_own_request_only() -> None:
    replies = Replies()
    kept = reply()
    replies.put(key("a"), kept)
    assert replies.get(key("a")) is kept
    assert replies.get(key("b")) is None
    assert replies.get(("search", "application/msgpack", b"a")) is None


def test_the_least_recently_used_makes_room() -> None:
    replies = Replies(max_replies=2)
    for name in ("a", "b"):
        replies.put(key(name), reply())
    replies.get(key("a"))
    replies.put(key("c"), reply())
    assert [name for name in "abc" if replies.get(key(name))] == ["a", "c"]


def test_bytes_are_bounded_and_counted_exactly() -> None:
    replies = Replies(max_bytes=800)
    for number in range(20):
        replies.put(key(str(number)), reply(b"x" * 100))
    assert (len(replies), replies.size) == (8, 800)
    replies.put(key("19"), reply(b"y"))
    assert (len(replies), replies.size) == (8, 701)
    replies.drop(key("19"))
    replies.drop(key("19"))
    assert (len(replies), replies.size) == (7, 700)


def test_one_reply_never_takes_more_than_its_share() -> None:
    replies = Replies(max_bytes=800)
    replies.put(key("a"), reply(b"small"))
    replies.put(key("a"), reply(b"x" * 101))
    assert (len(replies), replies.size) == (0, 0)


def test_a_long_request_is_not_remembered() -> None:
    replies = Replies()
    replies.put(key("a" * (MAX_REQUEST + 1)), reply())
    assert len(replies) == 0


def test_a_renewed_reply_is_counted_by_its_new_size() -> None:
    replies = Replies()
    kept = reply(b"short")
    replies.put(key("a"), kept)
    replies.renew(kept, b"a longer body", 7)
    assert (replies.size, kept.body, kept.touches) == (13, b"a longer body", 7)
