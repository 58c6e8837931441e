"""What the tools answer, as people and programs see it: their output schemas are made from these."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict


class SchemaError(TypedDict):
    """One way in which the data is not what the schema says. Paths are JSON pointers, empty for the whole document."""

    path: str
    message: str
    schema_path: str
    keyword: str


class Verdict(TypedDict):
    """`more_errors`: there are more than the reply holds. `draft_declared`: the schema named its draft itself."""

    valid: bool
    errors: list[SchemaError]
    more_errors: bool
    draft: str
    draft_declared: bool


class InferredSchema(TypedDict):
    """`schema` takes every one of the samples."""

    schema: dict[str, Any]
    samples: int


class RuleCount(TypedDict):
    """One declared rule. `checked` is false where the table has no such column to check."""

    rule: str
    kind: str
    column: str | None
    checked: bool
    violations: int


class Violation(TypedDict):
    """One row, from 1 for the first row of data, that breaks one rule; without `row`, the table as a whole does."""

    row: int | None
    column: str | None
    value: str | None
    rule: str
    message: str


class TableVerdict(TypedDict):
    """`violations` are the first of `violations_total` by row. `rows` holds those that could not be read too."""

    valid: bool
    format: str
    rows: int
    columns: int
    violations_total: int
    violations: list[Violation]
    more_violations: bool
    rules: list[RuleCount]
    notes: list[str]


class Lengths(TypedDict):
    """Characters of texts."""

    min: int
    max: int
    mean: float


class Outliers(TypedDict):
    """Values beyond one and a half interquartile ranges from the quartiles: below `low`, above `high`."""

    count: int
    low: float
    high: float
    examples: list[float]


class Often(TypedDict):
    """A value and how often it occurs."""

    value: str
    count: int


class ColumnProfile(TypedDict):
    """`type` is what every value reads as; `mixed` where JSON types differ, `empty` where there is no value.
    Numbers from 1e150 are left out of mean, spread, quantiles and outliers."""

    name: str
    type: str
    stored_as: NotRequired[str]
    nulls: int
    null_rate: float
    distinct: int
    minimum: NotRequired[int | float | str]
    maximum: NotRequired[int | float | str]
    mean: NotRequired[float]
    stddev: NotRequired[float]
    quantiles: NotRequired[dict[str, float]]
    outliers: NotRequired[Outliers]
    lengths: NotRequired[Lengths]
    top: NotRequired[list[Often]]
    examples: NotRequired[list[str]]


class UnreadableRow(TypedDict):
    """A row that could not be read and is in no figure."""

    row: int
    problem: str
    message: str


class TableProfile(TypedDict):
    """`approximate`: `distinct` and quantiles are estimates, as the table is large. `top` and `examples` are left out
    (`brief`) where there are very many columns. `duplicate_rows`: beyond the first of each."""

    format: str
    rows: int
    duplicate_rows: int
    unreadable_rows: int
    unreadable: list[UnreadableRow]
    approximate: bool
    brief: bool
    columns: list[ColumnProfile]
    notes: list[str]


class Retyped(TypedDict):
    """A column whose values read as another type now."""

    name: str
    before: str
    after: str


class SchemaDrift(TypedDict):
    """Columns that came, went or changed their type."""

    added: list[str]
    removed: list[str]
    retyped: list[Retyped]
    reordered: bool


class RowExample(TypedDict):
    """One row: its values by column, shortened."""

    row: int
    values: dict[str, str | None]


class Change(TypedDict):
    """One value of a row with the same key, before and after."""

    column: str
    before: str | None
    after: str | None


class ChangedRow(TypedDict):
    """A row that both tables have, with what differs; rows by their numbers in each."""

    key: dict[str, str | None]
    row_before: int
    row_after: int
    changes: list[Change]


class RowDrift(TypedDict):
    """By key, `changed` rows differ in a column that both tables have. Without a key rows are compared whole, as many
    times as they occur, and none is `changed`."""

    before: int
    after: int
    added: int
    removed: int
    changed: int
    unchanged: int
    changed_columns: dict[str, int]
    added_examples: list[RowExample]
    removed_examples: list[RowExample]
    changed_examples: list[ChangedRow]


class ColumnDrift(TypedDict):
    """How the values of a column are spread. `psi` is the population stability index: below 0.1 `stable`, below 0.25
    `moderate`, from there `large`."""

    name: str
    null_rate_before: float
    null_rate_after: float
    mean_before: NotRequired[float]
    mean_after: NotRequired[float]
    psi: NotRequired[float]
    shift: str


class Comparison(TypedDict):
    """`identical`: same columns in the same types, same rows."""

    identical: bool
    columns: SchemaDrift
    rows: RowDrift
    distribution: list[ColumnDrift]
    notes: list[str]
