"""How the values of one column are spread in two tables. Runs in workers only."""

from __future__ import annotations

from typing import Protocol

from members.data_validator.database import Database, row, rows
from members.data_validator.drift import shift, stability_index
from members.data_validator.loaded import Loaded
from members.data_validator.profiling import HUGE, Typed, rounded
from members.data_validator.replies import ColumnDrift

BINS = 10
FREQUENT = 20
"""Values of a column without order that are bins of their own; the rest is one bin together."""


class Shared(Protocol):
    """A column that both tables have."""

    @property
    def name(self) -> str: ...

    @property
    def before(self) -> Typed: ...

    @property
    def after(self) -> Typed: ...

    @property
    def numeric(self) -> bool: ...


def moved(database: Database, before: Loaded, after: Loaded, pair: Shared) -> ColumnDrift:
    """Null rates, means where both are numbers, and the stability index."""
    old, new = null_rate(database, before, pair.before), null_rate(database, after, pair.after)
    told: ColumnDrift = {"name": pair.name, "null_rate_before": old, "null_rate_after": new, "shift": "stable"}
    if pair.numeric:
        means = [mean(database, before, pair.before), mean(database, after, pair.after)]
        if means[0] is not None and means[1] is not None:
            told["mean_before"], told["mean_after"] = rounded(means[0]), rounded(means[1])
    counts = (
        numeric_bins(database, before, after, pair) if pair.numeric else frequent_bins(database, before, after, pair)
    )
    told["psi"] = rounded(stability_index(*counts))
    told["shift"] = shift(told["psi"], old, new)
    return told


def null_rate(database: Database, table: Loaded, column: Typed) -> float:
    """The share of empty values."""
    empty = table.stored_rows - row(database, f"SELECT count({column.field.sql}) FROM {table.name}")[0]
    return rounded(empty / table.stored_rows) if table.stored_rows else 0.0


def mean(database: Database, table: Loaded, column: Typed) -> float | None:
    """The mean of what is not huge."""
    found: float | None = row(
        database, f"SELECT avg({column.number}) FILTER (abs({column.number}) < {HUGE}) FROM {table.name}"
    )[0]
    return found


def numeric_bins(database: Database, before: Loaded, after: Loaded, pair: Shared) -> tuple[list[int], list[int]]:
    """How many numbers of either table lie between the deciles of the first."""
    parts = ", ".join(str(n / BINS) for n in range(1, BINS))
    number = pair.before.number
    cuts = row(
        database, f"SELECT quantile_cont({number}, [{parts}]) FILTER (abs({number}) < {HUGE}) FROM {before.name}"
    )[0]
    distinct = sorted(set(cuts or ()))
    counts = []
    for table, column in ((before, pair.before), (after, pair.after)):
        reached = [f"count(*) FILTER ({column.number} <= {cut!r})" for cut in distinct]
        below = row(database, f"SELECT {', '.join([*reached, f'count({column.number})'])} FROM {table.name}")
        counts.append([high - low for low, high in zip((0, *below[:-1]), below, strict=True)])
    return counts[0], counts[1]


def frequent_bins(database: Database, before: Loaded, after: Loaded, pair: Shared) -> tuple[list[int], list[int]]:
    """How often either table has the frequent values of the first, and any other value."""
    counted = "SELECT {0} AS value, count(*) AS times FROM {1} WHERE {0} IS NOT NULL GROUP BY value"
    ours = counted.format(pair.before.field.text, before.name)
    theirs = counted.format(pair.after.field.text, after.name)
    first = f"SELECT value, times FROM ({ours}) ORDER BY times DESC, value LIMIT {FREQUENT}"
    found = rows(
        database,
        f"SELECT f.times, coalesce(t.times, 0) FROM ({first}) AS f LEFT JOIN ({theirs}) AS t USING (value)",
    )
    totals = [row(database, f"SELECT coalesce(sum(times), 0) FROM ({each})")[0] for each in (ours, theirs)]
    old, new = [int(one) for one, _ in found], [int(one) for _, one in found]
    return [*old, int(totals[0]) - sum(old)], [*new, int(totals[1]) - sum(new)]
