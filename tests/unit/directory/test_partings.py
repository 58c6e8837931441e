"""Which member a lost connection may have served."""

from __future__ import annotations

import pytest

from directory.partings import connection_name


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (b'{"client": {"name": "omega:member/weather"}}', "weather"),
        (b'{"client": {"name": "omega:join/time"}}', "time"),
        (b'{"client": {"name": "omega:directory/ab12/pulse"}}', "ab12"),
        (b'{"client": {"name": "somebody/else"}}', None),
        (b'{"client": {"name": "omega:cli"}}', None),
        (b'{"client": {}}', None),
        (b'{"client": {"name": 7}}', None),
        (b"[]", None),
        (b"not JSON", None),
        (b"\xff", None),
    ],
)
def test_a_lost_connection_names_its_user(event: bytes, name: str | None) -> None:
    assert connection_name(event) == name
