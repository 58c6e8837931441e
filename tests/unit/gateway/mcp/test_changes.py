"""After a gap a stream is told that all it was granted may have changed."""

from __future__ import annotations

import orjson
import pytest

from gateway.mcp.front.changes import ACKNOWLEDGED, acknowledged, is_notification, may_have_changed


def test_everything_granted_and_nothing_else_is_told() -> None:
    honoured = {"toolsListChanged": True, "promptsListChanged": False, "resourceSubscriptions": ["a://b", 7]}
    told = [orjson.loads(one) for one in may_have_changed(honoured)]
    assert [one["method"] for one in told] == ["notifications/tools/list_changed", "notifications/resources/updated"]
    assert told[1]["params"] == {"uri": "a://b"}


@pytest.mark.parametrize("params", [{}, None, [], {"notifications": 7}])
def test_an_acknowledgement_that_says_nothing_grants_nothing(params: object) -> None:
    granted = acknowledged(orjson.dumps({"method": ACKNOWLEDGED, "params": params}))
    assert granted == {}
    assert not list(may_have_changed(granted))


def test_another_notification_is_no_acknowledgement() -> None:
    assert acknowledged(b'{"method":"notifications/tools/list_changed"}') is None


@pytest.mark.parametrize("frame", [b"", b"{", b"[]", b"7", b"{}", b'{"method":7}', b"\xff"])
def test_what_is_no_notification_is_known_as_such(frame: bytes) -> None:
    assert not is_notification(frame)
    assert is_notification(b'{"method":"notifications/tools/list_changed"}')
