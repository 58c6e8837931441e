"""What the tests of the pages rely on."""

from __future__ import annotations

import pytest

from tests.support.markdown import Block, anchors, blocks, json_values, links, quoted, shows, table_after

PAGE = """\
# The page

See `bus/names.py` and [more](other.md#here).

```sh run
ls `pwd`
```

## What it *says*: twice

| a | b |
|---|---|
| 1 | `x \\| y` |

after
"""


def test_a_block_is_told_with_its_mark() -> None:
    assert blocks(PAGE) == [Block("sh", True, "ls `pwd`\n")]


def test_words_and_links_are_read_outside_of_blocks() -> None:
    assert quoted(PAGE) == ["bus/names.py", "x \\| y"]
    assert links(PAGE) == ["other.md#here"]


def test_headings_are_anchors() -> None:
    assert anchors(PAGE) == {"the-page", "what-it-says-twice"}


def test_a_table_ends_where_it_ends() -> None:
    assert table_after(PAGE, "What it") == [["1", "`x \\| y`"]]


def test_json_is_found_between_other_lines() -> None:
    assert list(json_values('Published 3 bytes\n{"a": {"b": 1}}{"c": []}\n')) == [{"a": {"b": 1}}, {"c": []}]


@pytest.mark.parametrize(
    ("shown", "real", "expected"),
    [
        ({"n": 1}, {"n": 2.5, "more": 1}, True),
        ({"n": 1}, {"n": "1"}, False),
        ({"gone": 1}, {"n": 1}, False),
        ({"code": "a"}, {"code": "b"}, False),
        ({"list": [{"id": "x"}]}, {"list": [{"id": "y"}, {"id": "x"}]}, True),
        ({"list": [{"id": "x"}]}, {"list": []}, False),
        ({"next": None}, {"next": 2}, False),
    ],
)
def test_a_trimmed_answer_shows_a_real_one(shown: object, real: object, expected: bool) -> None:
    assert shows(shown, real) is expected
