"""Which rows came, went or changed between two tables. Runs in workers only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from members.data_validator.columns import Field
from members.data_validator.database import Database, row, rows
from members.data_validator.loaded import SHORT, Loaded, shortened
from members.data_validator.replies import ChangedRow, RowDrift, RowExample

SHOWN_COLUMNS = 50
"""Columns of a row that an example shows."""
BATCH = 50


class Shared(Protocol):
    """A column that both tables have."""

    @property
    def name(self) -> str: ...

    @property
    def values(self) -> tuple[str, str]: ...


def by_key(
    database: Database, before: Loaded, after: Loaded, *, keys: Sequence[Shared], pairs: Sequence[Shared], limit: int
) -> RowDrift:
    """The drift of rows that a key tells apart."""
    _match(database, before, after, keys)
    matched = row(database, "SELECT count(*) FILTER (b IS NOT NULL AND a IS NOT NULL) FROM matched")[0]
    others = [pair for pair in pairs if pair not in keys]
    _compare(database, before, after, others)
    changed = row(database, "SELECT count(DISTINCT b) FROM changes")[0]
    per_column = rows(database, "SELECT place, count(*) FROM changes GROUP BY place ORDER BY place")
    lost, new = "SELECT b FROM matched WHERE a IS NULL", "SELECT a FROM matched WHERE b IS NULL"
    return {
        "before": before.rows,
        "after": after.rows,
        "added": after.stored_rows - matched,
        "removed": before.stored_rows - matched,
        "changed": changed,
        "unchanged": matched - changed,
        "changed_columns": {others[place].name: count for place, count in per_column},
        "added_examples": some_rows(database, after, new, limit),
        "removed_examples": some_rows(database, before, lost, limit),
        "changed_examples": _changed_rows(database, before, after, keys=keys, others=others, limit=limit),
    }


def _match(database: Database, before: Loaded, after: Loaded, keys: Sequence[Shared]) -> None:
    """`matched`: the `rowid` of either side for each key, NULL where that side has none."""
    same = " AND ".join(f"k{n} = o{n}" for n in range(len(keys)))
    ours = ", ".join(f"{pair.values[0]} AS k{n}" for n, pair in enumerate(keys))
    theirs = ", ".join(f"{pair.values[1]} AS o{n}" for n, pair in enumerate(keys))
    database.execute(
        f"CREATE TEMP TABLE matched AS SELECT b, a FROM (SELECT rowid AS b, {ours} FROM {before.name})"
        f" FULL JOIN (SELECT rowid AS a, {theirs} FROM {after.name}) ON {same}"
    )


def _compare(database: Database, before: Loaded, after: Loaded, others: Sequence[Shared]) -> None:
    """`changes`: the rows `b` and `a` that differ in the column at `place`."""
    database.execute("CREATE TEMP TABLE changes (b BIGINT, a BIGINT, place INTEGER)")
    for start in range(0, len(others), BATCH):
        batch = list(enumerate(others))[start : start + BATCH]
        ours = ", ".join(f"{pair.values[0]} AS v{n}" for n, pair in batch)
        theirs = ", ".join(f"{pair.values[1]} AS w{n}" for n, pair in batch)
        cases = ", ".join(f"CASE WHEN v{n} IS DISTINCT FROM w{n} THEN {n} END" for n, _ in batch)
        database.execute(
            f"INSERT INTO changes SELECT * FROM (SELECT b, a, unnest([{cases}]) AS place FROM matched"
            f" JOIN (SELECT rowid AS br, {ours} FROM {before.name}) ON br = b"
            f" JOIN (SELECT rowid AS ar, {theirs} FROM {after.name}) ON ar = a) WHERE place IS NOT NULL"
        )


def _changed_rows(
    database: Database, before: Loaded, after: Loaded, *, keys: Sequence[Shared], others: Sequence[Shared], limit: int
) -> list[ChangedRow]:
    """The first rows that changed, with what changed."""
    found = "SELECT b, a, list(place ORDER BY place) FROM changes GROUP BY b, a ORDER BY b"
    shown: list[ChangedRow] = []
    for b, a, places in rows(database, f"{found} LIMIT {limit}"):
        names = [others[place].name for place in places[:SHOWN_COLUMNS]]
        old = values_of(database, before, b, [*(key.name for key in keys), *names])
        new = values_of(database, after, a, names)
        shown.append(
            {
                "key": {key.name: old[key.name] for key in keys},
                "row_before": before.number(b),
                "row_after": after.number(a),
                "changes": [{"column": name, "before": old[name], "after": new[name]} for name in names],
            }
        )
    return shown


def by_whole_rows(
    database: Database, before: Loaded, after: Loaded, *, pairs: Sequence[Shared], limit: int
) -> RowDrift:
    """The drift of rows as they are: equal in every column that both tables have, as often as they occur."""
    for name, table, side in (("ours", before, 0), ("theirs", after, 1)):
        values = ", ".join(pair.values[side] for pair in pairs) or "0"
        each = f"SELECT hash({values}) AS h, rowid AS place FROM {table.name}"
        database.execute(
            f"CREATE TEMP TABLE {name} AS SELECT h, place, row_number() OVER (PARTITION BY h ORDER BY place) AS nth"
            f" FROM ({each})"
        )
    lost = "SELECT place FROM ours ANTI JOIN theirs USING (h, nth)"
    new = "SELECT place FROM theirs ANTI JOIN ours USING (h, nth)"
    removed, added = (row(database, f"SELECT count(*) FROM ({which})")[0] for which in (lost, new))
    return {
        "before": before.rows,
        "after": after.rows,
        "added": added,
        "removed": removed,
        "changed": 0,
        "unchanged": before.stored_rows - removed,
        "changed_columns": {},
        "added_examples": some_rows(database, after, new, limit),
        "removed_examples": some_rows(database, before, lost, limit),
        "changed_examples": [],
    }


def some_rows(database: Database, table: Loaded, which: str, limit: int) -> list[RowExample]:
    """The first of these rows."""
    places = [place for (place,) in rows(database, f"{which} ORDER BY 1 LIMIT {limit}")]
    names = [field.name for field in table.fields[:SHOWN_COLUMNS]]
    return [{"row": table.number(place), "values": values_of(database, table, place, names)} for place in places]


def values_of(database: Database, table: Loaded, place: int, names: Sequence[str]) -> dict[str, str | None]:
    """The values of one row, as text, shortened."""
    by_name: dict[str, Field] = {field.name: field for field in table.fields}
    wanted = ", ".join(f"left({by_name[name].text}, {SHORT + 1})" for name in names)
    found = row(database, f"SELECT {wanted} FROM {table.name} WHERE rowid = {place}")
    return {name: None if value is None else shortened(value) for name, value in zip(names, found, strict=True)}
