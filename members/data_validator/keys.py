"""Uniqueness, primary keys and foreign keys: rules about rows together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from members.data_validator.columns import Field
from members.data_validator.declared import Kind, TableSchema
from members.data_validator.loaded import Loaded
from members.sandbox.refusals import Invalid

Types = dict[str, Kind]


@dataclass(frozen=True, slots=True)
class Together:
    """One rule about rows together, as two queries."""

    rule: str
    kind: str
    columns: tuple[str, ...]
    count: str
    """How many rows break it."""
    examples: str
    """`rowid`, the value, and the `rowid` of the row it repeats or NULL; in the order of rows, without a limit."""
    message: str
    """Followed by the number of the row that is repeated, where there is one."""


def key_checks(schema: TableSchema, table: Loaded, others: dict[str, Loaded]) -> Iterator[Together]:
    """Every rule about rows together that the table has the columns for. Raises Invalid for a key of unknown
    columns, or into a table that was not given."""
    types: Types = {column.name: column.type for column in schema.columns}
    present = {field.name for field in table.fields}
    for column in schema.columns:
        if column.unique and column.name in present:
            yield unique("unique", f"{column.name}.unique", table, (column.name,), types)
    for names in schema.unique:
        yield unique("unique", f"unique({', '.join(names)})", table, names, types)
    if schema.primary_key:
        yield unique("primary_key", "primary_key", table, schema.primary_key, types)
        yield whole(table, schema.primary_key)
    for number, key in enumerate(schema.foreign_keys):
        where = f"schema.foreign_keys.{number}"
        if key.table not in others:
            raise Invalid(f"{where}: others has no table {key.table[:80]!r}", field=where)
        pairs = pair(
            table.fields_named(key.columns, where), others[key.table].fields_named(key.to_columns, where), types
        )
        rule = f"foreign_key({', '.join(key.columns)} -> {key.table})"
        yield foreign(rule, tuple(key.columns), table, others[key.table], pairs)


def unique(kind: str, rule: str, table: Loaded, names: Sequence[str], types: Types) -> Together:
    """Rows after the first one of the same values; a row with an empty one is like no other."""
    fields = table.fields_named(names, f"schema.{kind}")
    values = [field.value(types.get(field.name, "any")) for field in fields]
    wanted = ", ".join(f"{value} AS k{n}" for n, value in enumerate(values))
    keys = ", ".join(f"k{n}" for n in range(len(values)))
    filled = " AND ".join(f"k{n} IS NOT NULL" for n in range(len(values)))
    each = f"SELECT rowid AS place, {shown(fields)} AS value, {wanted} FROM {table.name}"
    groups = (
        f"SELECT {keys}, count(*) AS times, min(place) AS first FROM ({each}) WHERE {filled}"
        f" GROUP BY {keys} HAVING times > 1"
    )
    return Together(
        rule,
        kind,
        tuple(names),
        f"SELECT coalesce(sum(times - 1), 0) FROM ({groups})",
        f"SELECT place, value, first FROM ({each}) JOIN ({groups}) USING ({keys}) WHERE place > first ORDER BY place",
        "repeats row",
    )


def whole(table: Loaded, names: Sequence[str]) -> Together:
    """Rows where a column of the primary key is empty."""
    fields = table.fields_named(names, "schema.primary_key")
    empty = " OR ".join(f"{field.sql} IS NULL" for field in fields)
    return Together(
        "primary_key.nullable",
        "nullable",
        tuple(names),
        f"SELECT count(*) FROM {table.name} WHERE {empty}",
        f"SELECT rowid, {shown(fields)}, NULL FROM {table.name} WHERE {empty} ORDER BY rowid",
        "part of the primary key is empty",
    )


def foreign(
    rule: str, names: tuple[str, ...], table: Loaded, other: Loaded, pairs: Sequence[tuple[Field, str, str]]
) -> Together:
    """Rows whose values are not in the other table; a row with an empty one asks for nothing."""
    ours = ", ".join(f"{mine} AS k{n}" for n, (_, mine, _) in enumerate(pairs))
    theirs = ", ".join(f"{yours} AS o{n}" for n, (_, _, yours) in enumerate(pairs))
    filled = " AND ".join(f"k{n} IS NOT NULL" for n in range(len(pairs)))
    same = " AND ".join(f"k{n} = o{n}" for n in range(len(pairs)))
    fields = [field for field, _, _ in pairs]
    lost = (
        f"FROM (SELECT rowid AS place, {shown(fields)} AS value, {ours} FROM {table.name})"
        f" ANTI JOIN (SELECT {theirs} FROM {other.name}) ON {same} WHERE {filled}"
    )
    examples = f"SELECT place, value, NULL {lost} ORDER BY place"
    return Together(rule, "foreign_key", names, f"SELECT count(*) {lost}", examples, f"not in {other.argument}")


def pair(ours: Sequence[Field], theirs: Sequence[Field], types: Types) -> list[tuple[Field, str, str]]:
    """Columns that refer to each other, and both values as the type that the referring one declares, so that 1 and
    1.0 are one number; as text where it declares none."""
    kinds = [types.get(field.name, "any") for field in ours]
    return [(mine, mine.value(kind), yours.value(kind)) for mine, yours, kind in zip(ours, theirs, kinds, strict=True)]


def shown(fields: Sequence[Field]) -> str:
    """The values of a key, as SQL."""
    return " || ', ' || ".join(f"coalesce({field.text}, '')" for field in fields)
