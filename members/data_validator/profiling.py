"""What is in a table: each column's type, gaps, range, spread, outliers and frequent values. Runs in workers only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from members.data_validator.columns import Field
from members.data_validator.database import Database, row, rows
from members.data_validator.declared import Kind
from members.data_validator.kinds import batches, types_of
from members.data_validator.loaded import SHORT, Loaded, shortened
from members.data_validator.replies import ColumnProfile, Outliers, TableProfile
from members.sandbox.worker import Report

LARGE = 100_000
"""Rows from which distinct values and quantiles are estimated."""
BRIEF = 200
"""Columns from which a profile goes without frequent values and examples."""
BATCH = 25
TOP = 5
EXAMPLES = 5
UNREADABLE_SHOWN = 20
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
REACH = 1.5
"""Interquartile ranges beyond the quartiles, from which a value is an outlier (Tukey's rule)."""
HUGE = 1e150
"""Numbers from here are left out of mean and spread: their squares, and their sums, are no numbers any more."""
NUMBERS = ("integer", "number")


@dataclass(frozen=True, slots=True)
class Typed:
    """A column and the type its values have."""

    field: Field
    type: str

    @property
    def value(self) -> str:
        """The value as SQL, of its type."""
        known = self.type not in ("empty", "mixed", "other")
        return self.field.value(cast(Kind, self.type)) if known else self.field.text

    @property
    def number(self) -> str:
        return f"CAST({self.value} AS DOUBLE)"


def profile(database: Database, table: Loaded, fields: Sequence[Field], report: Report) -> TableProfile:
    """The profile of these columns of a table."""
    types = types_of(database, table, fields)
    brief, large = len(fields) > BRIEF, table.stored_rows > LARGE
    columns: list[ColumnProfile] = []
    for batch in batches(fields, BATCH):
        typed = [Typed(field, types[field.sql]) for field in batch]
        columns += described(database, table, typed, large=large, brief=brief)
        report([20 + 75 * len(columns) // len(fields), "measuring columns"])
    return {
        "format": table.format,
        "rows": table.rows,
        "duplicate_rows": duplicates(database, table),
        "unreadable_rows": len(table.faults),
        "unreadable": [
            {"row": fault.row, "problem": fault.trouble, "message": fault.message}
            for fault in table.faults[:UNREADABLE_SHOWN]
        ],
        "approximate": large,
        "brief": brief,
        "columns": columns,
        "notes": list(table.notes),
    }


def described(
    database: Database, table: Loaded, typed: Sequence[Typed], *, large: bool, brief: bool
) -> list[ColumnProfile]:
    """The profiles of a few columns: one pass for what can be summed up, one for outliers, one each for what is
    frequent."""
    expressions = [measures(each, large=large) for each in typed]
    wanted = ", ".join(sql for each in expressions for sql in each.values())
    answer = iter(row(database, f"SELECT {wanted} FROM {table.name}"))
    found = [{name: next(answer) for name in each} for each in expressions]
    profiles = [column_profile(each, measured, table) for each, measured in zip(typed, found, strict=True)]
    add_outliers(database, table, typed, profiles, brief=brief)
    if not brief:
        for each, profiled in zip(typed, profiles, strict=True):
            add_values(database, table, each, profiled)
    return profiles


def measures(column: Typed, *, large: bool) -> dict[str, str]:
    """What one pass can tell of a column: names, and the SQL of each."""
    sql, value = column.field.sql, column.value
    found = {"filled": f"count({sql})"}
    if column.type == "empty":
        return found
    found["distinct"] = f"approx_count_distinct({sql})" if large else f"count(DISTINCT {column.field.text})"
    if column.type in NUMBERS:
        number, parts = column.number, ", ".join(map(str, QUANTILES))
        sketch = "approx_quantile" if large else "quantile_cont"
        usual = f"FILTER (WHERE abs({number}) < {HUGE})"
        found |= {
            "minimum": f"min({value})",
            "maximum": f"max({value})",
            "mean": f"avg({number}) {usual}",
            "stddev": f"stddev_samp({number}) {usual}",
            "quantiles": f"{sketch}({number}, [{parts}]) {usual}",
        }
    elif column.type in ("date", "datetime", "time"):
        found |= {"minimum": f"min({value})::VARCHAR", "maximum": f"max({value})::VARCHAR"}
    elif column.type in ("string", "mixed"):
        size = f"length({column.field.text})"
        found |= {"shortest": f"min({size})", "longest": f"max({size})", "usual": f"avg({size})"}
    return found


def column_profile(column: Typed, measured: dict[str, Any], table: Loaded) -> ColumnProfile:
    """What was measured, as it is told."""
    stored, filled = table.stored_rows, measured["filled"]
    told: ColumnProfile = {
        "name": column.field.name,
        "type": column.type,
        "nulls": stored - filled,
        "null_rate": rounded((stored - filled) / stored) if stored else 0.0,
        "distinct": min(measured.get("distinct") or 0, filled),
    }
    if column.field.stored == "native":
        told["stored_as"] = shortened(column.field.native)
    if measured.get("minimum") is not None:
        told["minimum"], told["maximum"] = plain(measured["minimum"]), plain(measured["maximum"])
    for name in ("mean", "stddev"):
        if measured.get(name) is not None:
            told[name] = rounded(measured[name])
    if measured.get("quantiles"):
        named = zip(("p05", "p25", "p50", "p75", "p95"), measured["quantiles"], strict=True)
        told["quantiles"] = {name: rounded(value) for name, value in named}
    if measured.get("longest") is not None:
        usual = rounded(measured["usual"])
        told["lengths"] = {"min": measured["shortest"], "max": measured["longest"], "mean": usual}
    return told


def add_outliers(
    database: Database, table: Loaded, typed: Sequence[Typed], profiles: Sequence[ColumnProfile], *, brief: bool
) -> None:
    """Count what lies far from the quartiles, for all columns in one pass, and show the first of them."""
    asked = [
        (each, told, fences(told["quantiles"]))
        for each, told in zip(typed, profiles, strict=True)
        if "quantiles" in told
    ]
    if not asked:
        return
    beyond = [
        f"abs({each.number}) < {HUGE} AND NOT ({each.number} BETWEEN {low!r} AND {high!r})"
        for each, _, (low, high) in asked
    ]
    wanted = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in beyond)
    counts = row(database, f"SELECT {wanted} FROM {table.name}")
    for (each, told, (low, high)), condition, count in zip(asked, beyond, counts, strict=True):
        outliers: Outliers = {"count": count, "low": rounded(low), "high": rounded(high), "examples": []}
        if count and not brief:
            first = f"SELECT {each.number} FROM {table.name} WHERE {condition} ORDER BY rowid LIMIT {EXAMPLES}"
            outliers["examples"] = [rounded(value) for (value,) in rows(database, first)]
        told["outliers"] = outliers


def fences(quantiles: dict[str, float]) -> tuple[float, float]:
    """The bounds beyond which a value is an outlier."""
    reach = REACH * (quantiles["p75"] - quantiles["p25"])
    return quantiles["p25"] - reach, quantiles["p75"] + reach


def add_values(database: Database, table: Loaded, column: Typed, told: ColumnProfile) -> None:
    """What is frequent, where values come more than once; else the first few."""
    if not told["distinct"]:
        return
    text, filled = column.field.text, table.stored_rows - told["nulls"]
    if told["distinct"] <= filled / 2:
        sql = f"SELECT {text} AS value, count(*) AS times FROM {table.name} WHERE {column.field.sql} IS NOT NULL"
        found = rows(database, f"{sql} GROUP BY value ORDER BY times DESC, value LIMIT {TOP}")
        told["top"] = [{"value": shortened(value), "count": count} for value, count in found]
    else:
        sql = f"SELECT left({text}, {SHORT + 1}) FROM {table.name} WHERE {column.field.sql} IS NOT NULL"
        told["examples"] = [shortened(value) for (value,) in rows(database, f"{sql} LIMIT {EXAMPLES}")]


def duplicates(database: Database, table: Loaded) -> int:
    """Rows that an earlier one equals, told by 64-bit hashes: wrong in fewer than one of a million
    tables of a million rows."""
    every = ", ".join(field.text for field in table.fields)
    return int(row(database, f"SELECT count(*) - count(DISTINCT hash({every})) FROM {table.name}")[0])


def rounded(value: float) -> float:
    """Twelve significant digits: what comes after them is how the sum was taken, not the data."""
    return float(f"{value:.12g}")


def plain(value: Any) -> int | float | str:
    """A least or greatest value as JSON; infinity and what is not a number as text."""
    if isinstance(value, float) and math.isfinite(value):
        return rounded(value)
    return value if isinstance(value, int) else str(value)
