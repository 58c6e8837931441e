"""What changed between two tables, and nothing else."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from members.sandbox.refusals import Invalid
from tests.unit.members.data_validator.tables import Desk

pairs = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc")), min_size=1, max_size=12)


def written(rows: Any) -> str:
    return "id,v\n" + "".join(f"{one},{two}\n" for one, two in rows)


def test_columns_come_go_change_their_type_and_their_place(desk: Desk) -> None:
    told = desk.compare("a,b,c,gone\n1,1,x,1\n", "new,c,b,a\n1,x,1.5,1\n")["columns"]
    assert told == {
        "added": ["new"],
        "removed": ["gone"],
        "retyped": [{"name": "b", "before": "integer", "after": "number"}],
        "reordered": True,
    }


def test_with_a_key_rows_come_go_and_change(desk: Desk) -> None:
    before, after = "id,v,w\n1,a,1\n2,b,2\n3,,3\n4,d,4\n", "id,v,w\n5,e,5\n4,d,4.0\n3,c,3\n2,b,9\n"
    told = desk.compare(before, after, key=["id"])["rows"]
    counts = [told[name] for name in ("before", "after", "added", "removed", "changed", "unchanged")]
    assert counts == [4, 4, 1, 1, 2, 1]
    assert told["changed_columns"] == {"v": 1, "w": 1}
    assert told["added_examples"] == [{"row": 1, "values": {"id": "5", "v": "e", "w": "5"}}]
    assert told["removed_examples"] == [{"row": 1, "values": {"id": "1", "v": "a", "w": "1"}}]
    assert told["changed_examples"] == [
        {
            "key": {"id": "2"},
            "row_before": 2,
            "row_after": 4,
            "changes": [{"column": "w", "before": "2", "after": "9"}],
        },
        {
            "key": {"id": "3"},
            "row_before": 3,
            "row_after": 3,
            "changes": [{"column": "v", "before": None, "after": "c"}],
        },
    ]


def test_the_same_rows_in_another_order_are_no_drift_but_counted(desk: Desk) -> None:
    told = desk.compare(written([(1, "a"), (2, "b")]), written([(2, "b"), (1, "a")]))
    assert told["identical"]
    assert told["rows"]["unchanged"] == 2


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs, pairs)
def test_without_a_key_rows_are_a_bag(desk: Desk, before: Any, after: Any) -> None:
    told = desk.compare(written(before), written(after))["rows"]
    ours, theirs = Counter(before), Counter(after)
    assert told["added"] == sum((theirs - ours).values())
    assert told["removed"] == sum((ours - theirs).values())
    assert told["unchanged"] == sum((ours & theirs).values())


@pytest.mark.parametrize(
    ("before", "after", "key", "words"),
    [
        ("id,v\n1,a\n1,b\n", "id,v\n1,a\n", ["id"], "1 keys come more than once in before, one of them in row 2"),
        ("id,v\n1,a\n", "id,v\n1,a\n,b\n,c\n", ["id"], "empty in 2 rows of after, the first is row 2"),
        ("id,v\n1,a\n", "id\n1\n", ["v"], "not both tables have a column 'v'"),
    ],
)
def test_a_key_that_tells_no_rows_apart_is_refused(
    desk: Desk, before: str, after: str, key: list[str], words: str
) -> None:
    tables = [desk.table(text, argument=name) for text, name in ((before, "before"), (after, "after"))]
    with pytest.raises(Invalid, match=words):
        desk.compare(*tables, key=key)


def test_values_that_moved_are_told_by_column(desk: Desk) -> None:
    before = "n,s,gap\n" + "".join(f"{n},{'ab'[n % 2]},1\n" for n in range(100))
    after = "n,s,gap\n" + "".join(f"{n + 90},{'ab'[n % 2]},{'' if n % 2 else 1}\n" for n in range(100))
    told = {each["name"]: each for each in desk.compare(before, after)["distribution"]}
    assert (told["n"]["shift"], told["n"]["mean_before"], told["n"]["mean_after"]) == ("large", 49.5, 139.5)
    assert (told["s"]["shift"], told["s"]["psi"]) == ("stable", 0)
    assert (told["gap"]["shift"], told["gap"]["null_rate_after"]) == ("large", 0.5)


def test_rows_that_could_not_be_read_are_told(desk: Desk) -> None:
    told = desk.compare(desk.table("a,b\n1\n1,2\n", argument="before"), "a,b\n1,2\n")
    assert told["notes"] == ["before: 1 rows could not be read and are not compared"]
