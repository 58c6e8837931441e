"""Two tables: columns that changed, rows that came, went or changed, values that moved. Runs in workers only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from members.data_validator.columns import Field
from members.data_validator.database import Database, row
from members.data_validator.kinds import types_of
from members.data_validator.loaded import Loaded
from members.data_validator.profiling import NUMBERS, Typed
from members.data_validator.replies import Comparison, SchemaDrift
from members.data_validator.rowdrift import by_key, by_whole_rows
from members.data_validator.shifting import moved
from members.sandbox.refusals import Invalid
from members.sandbox.worker import Report

SPREAD = 200
"""Columns whose spread is compared: it takes several passes for each."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A column that both tables have, and how its values are compared."""

    name: str
    before: Typed
    after: Typed

    @property
    def numeric(self) -> bool:
        return self.before.type in NUMBERS and self.after.type in NUMBERS

    @property
    def values(self) -> tuple[str, str]:
        """Both values as SQL: as one type where both have it, so that 1 and 1.0 are the same; else as text."""
        if self.numeric:
            whole = self.before.type == self.after.type == "integer"
            return (self.before.value, self.after.value) if whole else (self.before.number, self.after.number)
        if self.before.type == self.after.type:
            return self.before.value, self.after.value
        return self.before.field.text, self.after.field.text


def compare(
    database: Database, before: Loaded, after: Loaded, *, key: Sequence[str] | None, examples: int, report: Report
) -> Comparison:
    """How `after` differs from `before`. Raises Invalid for a key that does not tell rows apart."""
    types = types_of(database, before, before.fields), types_of(database, after, after.fields)
    pairs = common(before, after, types)
    columns = schema_drift(before, after, pairs)
    report([40, "comparing rows"])
    if key:
        keys = chosen(pairs, key)
        require_telling(database, before, [pair.values[0] for pair in keys])
        require_telling(database, after, [pair.values[1] for pair in keys])
        drift = by_key(database, before, after, keys=keys, pairs=pairs, limit=examples)
    else:
        drift = by_whole_rows(database, before, after, pairs=pairs, limit=examples)
    report([75, "comparing values"])
    same = not (columns["added"] or columns["removed"] or columns["retyped"] or columns["reordered"])
    return {
        "identical": same and not (drift["added"] or drift["removed"] or drift["changed"]),
        "columns": columns,
        "rows": drift,
        "distribution": [moved(database, before, after, pair) for pair in pairs[:SPREAD]],
        "notes": [*told(before), *told(after), *spread_note(pairs)],
    }


def common(before: Loaded, after: Loaded, types: tuple[Mapping[str, str], Mapping[str, str]]) -> list[Pair]:
    """The columns of both, in the order of `before`."""
    there: dict[str, Field] = {field.name: field for field in after.fields}
    return [
        Pair(field.name, Typed(field, types[0][field.sql]), Typed(other, types[1][other.sql]))
        for field in before.fields
        if (other := there.get(field.name)) is not None
    ]


def schema_drift(before: Loaded, after: Loaded, pairs: Sequence[Pair]) -> SchemaDrift:
    """Columns that came, went, changed their type, or stand in another order."""
    both = {pair.name for pair in pairs}
    new_order = [field.name for field in after.fields if field.name in both]
    return {
        "added": [field.name for field in after.fields if field.name not in both],
        "removed": [field.name for field in before.fields if field.name not in both],
        "retyped": [
            {"name": pair.name, "before": pair.before.type, "after": pair.after.type}
            for pair in pairs
            if pair.before.type != pair.after.type and "empty" not in (pair.before.type, pair.after.type)
        ],
        "reordered": new_order != [pair.name for pair in pairs],
    }


def chosen(pairs: Sequence[Pair], key: Sequence[str]) -> list[Pair]:
    """The columns of the key. Raises Invalid for one that is not in both tables."""
    by_name = {pair.name: pair for pair in pairs}
    if missing := [name for name in key if name not in by_name]:
        raise Invalid(f"key: not both tables have a column {missing[0][:80]!r}", field="key")
    return [by_name[name] for name in key]


def require_telling(database: Database, table: Loaded, values: Sequence[str]) -> None:
    """Return when the key is never empty and different in every row. Raises Invalid."""
    empty = " OR ".join(f"{value} IS NULL" for value in values)
    holes, first = row(database, f"SELECT count(*), min(rowid) FROM {table.name} WHERE {empty}")
    if holes:
        raise Invalid(
            f"key: empty in {holes} rows of {table.argument}, the first is row {table.number(first)}", field="key"
        )
    keys = ", ".join(values)
    groups = f"SELECT count(*) AS times, max(rowid) AS last FROM {table.name} GROUP BY {keys} HAVING times > 1"
    twice, last = row(database, f"SELECT count(*), min(last) FROM ({groups})")
    if twice:
        raise Invalid(
            f"key: {twice} keys come more than once in {table.argument}, one of them in row {table.number(last)}",
            field="key",
        )


def told(table: Loaded) -> list[str]:
    """What has to be said of one of the tables."""
    unreadable = [f"{table.argument}: {len(table.faults)} rows could not be read and are not compared"]
    return [f"{table.argument}: {note}" for note in table.notes] + (unreadable if table.faults else [])


def spread_note(pairs: Sequence[Pair]) -> list[str]:
    """What has to be said of very wide tables."""
    return [f"distribution: only the first {SPREAD} of {len(pairs)} columns"] if len(pairs) > SPREAD else []
