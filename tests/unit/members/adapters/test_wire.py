"""What the adapters decide about single messages and bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.adapters.health import serves
from members.adapters.http import forgotten
from members.adapters.link import about, refusal
from members.adapters.sse import EventReader
from members.adapters.targets import Unusable, child_environment, header_from_variable

STREAM = b': hello\r\n\r\nid: 1\r\ndata:\r\n\r\nevent: message\r\ndata: {"a":1}\r\n\r\ndata: x\ndata: y\n\n'


@given(st.lists(st.integers(0, len(STREAM)), max_size=12).map(sorted))
def test_events_are_the_same_however_their_bytes_are_cut(cuts: list[int]) -> None:
    reader = EventReader(1_000)
    parts = [STREAM[a:b] for a, b in zip([0, *cuts], [*cuts, len(STREAM)], strict=True)]
    assert [event for part in parts for event in reader.feed(part)] == [b'{"a":1}', b"x\ny"]


@pytest.mark.parametrize("flood", [b"x" * 200, b"data: " + b"x" * 200, b"data: x\n" * 200])
def test_an_event_without_end_is_refused(flood: bytes) -> None:
    with pytest.raises(ValueError, match="more than 100"):
        EventReader(100).feed(flood)


def test_a_servers_question_is_refused_in_clear_words_and_its_ping_is_answered() -> None:
    refused = refusal({"jsonrpc": "2.0", "id": 7, "method": "sampling/createMessage"})
    assert (refused["id"], refused["error"]["code"]) == (7, -32601)
    assert "sampling" in refused["error"]["message"]
    assert refusal({"jsonrpc": "2.0", "id": 8, "method": "ping"})["result"] == {}


def test_a_notification_says_which_request_it_is_about() -> None:
    assert about({"method": "notifications/progress", "params": {"progressToken": 4}}) == 4
    listened = {"_meta": {"io.modelcontextprotocol/subscriptionId": 5}}
    assert about({"method": "notifications/tools/list_changed", "params": listened}) == 5
    assert about({"method": "notifications/message", "params": {}}) is None
    assert about({"method": "notifications/message"}) is None


@pytest.mark.parametrize(
    ("status", "words", "gone"),
    [(404, "", True), (410, "", True), (400, "No valid session ID provided", True), (400, "bad", False)],
)
def test_a_forgotten_session_is_known_by_its_status_or_its_words(status: int, words: str, gone: bool) -> None:
    assert forgotten(status, {"error": {"code": -32000, "message": words}}) is gone


@pytest.mark.parametrize(
    ("status", "well"), [(None, True), (200, True), (404, True), (405, True), (401, True), (500, False), (503, False)]
)
def test_only_a_server_that_says_it_is_ill_is_ill(status: int | None, well: bool) -> None:
    assert serves(status) is well


def test_a_child_inherits_no_secret() -> None:
    own = {"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "s", "OMEGA_NATS_URL": "nats://u:p@h"}
    assert child_environment(own, {"A": "1"}) == {"PATH": "/bin", "A": "1"}


def test_a_header_comes_from_the_environment_and_its_value_is_never_told() -> None:
    assert header_from_variable("X-Key=KEY", {"KEY": "v"}) == ("X-Key", "v")
    for words in ("X-Key", "X Key=KEY", "X-Key=", "X-Key=NONE", "X-Key=BAD"):
        with pytest.raises(Unusable) as refused:
            header_from_variable(words, {"KEY": "v", "BAD": "secret\r\nX: y"})
        assert "secret" not in str(refused.value)
