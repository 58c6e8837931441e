"""Which type the values of a column have: the narrowest one that every value reads as.

A look at the first rows rules out most types, so that usually one pass over a column decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from members.data_validator.columns import Field
from members.data_validator.database import Database, row
from members.data_validator.declared import Kind
from members.data_validator.loaded import Loaded

NARROWEST_FIRST: tuple[Kind, ...] = ("boolean", "integer", "number", "date", "datetime", "time", "string")
LOOK = 1000
BATCH = 50


def types_of(database: Database, table: Loaded, fields: Sequence[Field]) -> dict[str, str]:
    """The type of each column by its name in queries; `empty` without a value, `mixed` where no type fits."""
    found: dict[str, str] = {}
    for batch in batches(fields, BATCH):
        first = f"(SELECT {', '.join(field.sql for field in batch)} FROM {table.name} LIMIT {LOOK})"
        asked = [field for field in batch if field.own == "any" and field.stored != "native"]
        possible = _possible(database, first, dict.fromkeys(asked, NARROWEST_FIRST))
        found |= {field.sql: field.own if field.own != "any" else "other" for field in batch}
        found |= _decided(database, table.name, possible)
    return found


def batches(fields: Sequence[Field], size: int) -> Iterator[list[Field]]:
    """The same columns, so many at a time."""
    rest = iter(fields)
    while batch := list(islice(rest, size)):
        yield batch


def _decided(database: Database, table: str, possible: dict[Field, tuple[Kind, ...]]) -> dict[str, str]:
    """Try the narrowest type that is still possible for every column, until each has one or none is left."""
    found: dict[str, str] = {}
    while possible:
        tried = {field: kinds[:1] for field, kinds in possible.items()}
        counts = _counts(database, table, tried)
        left: dict[Field, tuple[Kind, ...]] = {}
        for field, kinds in possible.items():
            filled, fitting = counts[field]
            if not filled:
                found[field.sql] = "empty"
            elif kinds and fitting[0] == filled:
                found[field.sql] = kinds[0]
            elif len(kinds) > 1:
                left[field] = kinds[1:]
            else:
                found[field.sql] = "mixed"
        possible = left
    return found


def _possible(database: Database, table: str, asked: dict[Field, tuple[Kind, ...]]) -> dict[Field, tuple[Kind, ...]]:
    """The types that every value of a few rows has."""
    if not asked:
        return {}
    counts = _counts(database, table, asked)
    return {
        field: tuple(kind for kind, fits in zip(kinds, counts[field][1], strict=True) if fits == counts[field][0])
        for field, kinds in asked.items()
    }


def _counts(
    database: Database, table: str, asked: dict[Field, tuple[Kind, ...]]
) -> dict[Field, tuple[int, tuple[int, ...]]]:
    """For each column how many values there are, and how many of them have each of the types."""
    wanted = [
        expression
        for field, kinds in asked.items()
        for expression in (f"count({field.sql})", *(f"count({field.value(kind)})" for kind in kinds))
    ]
    answer = iter(row(database, f"SELECT {', '.join(wanted)} FROM {table}"))
    return {field: (next(answer), tuple(islice(answer, len(kinds)))) for field, kinds in asked.items()}
