"""What a caller declares of a table: columns, keys and rules across columns, as data and never as code (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["any", "string", "integer", "number", "boolean", "date", "datetime", "time"]
Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not_in", "is_null", "not_null", "matches"]
Scalar = bool | int | float | str
Name = Annotated[str, Field(max_length=1000)]
Names = Annotated[list[Name], Field(min_length=1, max_length=100)]

ORDERED = ("integer", "number", "date", "datetime", "time")
NUMERIC = ("integer", "number")
READERS: Mapping[str, Callable[[str], object]] = {
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
}


class Declared(BaseModel):
    """Nothing unknown is taken: a misspelt rule would be a rule that is never checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Declared):
    """What the values of one column have to be. Empty ones are asked for `nullable` only."""

    name: Name
    type: Kind = "any"
    required: bool = Field(True, description="False: the table may do without this column.")
    nullable: bool = True
    minimum: Scalar | None = Field(None, description="Of numbers, dates and times; the latter as ISO 8601.")
    maximum: Scalar | None = None
    exclusive_minimum: Scalar | None = None
    exclusive_maximum: Scalar | None = None
    min_length: int | None = Field(None, ge=0, description="In characters.")
    max_length: int | None = Field(None, ge=0)
    pattern: str | None = Field(None, max_length=1000, description="RE2, searched for anywhere; anchor with ^ and $.")
    enum: list[Scalar] | None = Field(None, min_length=1, max_length=10_000)
    unique: bool = False

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for name in ("minimum", "maximum", "exclusive_minimum", "exclusive_maximum"):
            if (bound := getattr(self, name)) is not None:
                require_ordered(self.type, name)
                require_value(self.type, bound, name)
        for value in self.enum or ():
            require_value(self.type, value, "enum")
        return self


class Condition(Declared):
    """`{"column", "op", "value"}` compares a column with a value, `{"column", "op", "other"}` with a column of the
    same row; `all`, `any` and `not` put conditions together. Exactly one of the forms. A comparison with an empty
    value is neither true nor false, and no violation."""

    column: Name | None = None
    op: Operator | None = None
    value: Scalar | list[Scalar] | None = Field(None, description="A list for in and not_in.")
    other: Name | None = None
    all: list[Condition] | None = Field(None, min_length=1, max_length=100)
    any: list[Condition] | None = Field(None, min_length=1, max_length=100)
    not_: Condition | None = Field(None, alias="not")

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = [self.column is not None, self.all is not None, self.any is not None, self.not_ is not None]
        if sum(forms) != 1:
            raise ValueError("exactly one of column, all, any, not")
        if self.column is None and (self.op or self.other is not None or self.value is not None):
            raise ValueError("op, value and other belong to a column")
        if self.column is not None:
            require_operands(self)
        return self


class Rule(Declared):
    """`then` has to hold in every row, or in those where `if` holds."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    if_: Condition | None = Field(None, alias="if")
    then: Condition


class ForeignKey(Declared):
    """Values of `columns` have to be there as `to_columns` of the table that `others` calls `table`."""

    columns: Names
    table: Name
    to_columns: Names

    @model_validator(mode="after")
    def _even(self) -> Self:
        if len(self.columns) != len(self.to_columns):
            raise ValueError("columns and to_columns are not the same number")
        return self


class TableSchema(Declared):
    """What a table has to be."""

    columns: list[Column] = Field(default_factory=list, max_length=20_000)
    extra_columns: bool = Field(True, description="False: a column that is not declared is a violation.")
    primary_key: Names | None = Field(None, description="Unique together and never empty.")
    unique: list[Names] = Field(default_factory=list, max_length=100, description="Each: unique together.")
    foreign_keys: list[ForeignKey] = Field(default_factory=list, max_length=100)
    rules: list[Rule] = Field(default_factory=list, max_length=1000)
    min_rows: int | None = Field(None, ge=0)
    max_rows: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for what, names in (("column", [c.name for c in self.columns]), ("rule", [r.name for r in self.rules])):
            if len(names) != len(set(names)):
                twice = next(name for name in names if names.count(name) > 1)
                raise ValueError(f"{what} {twice[:80]!r} is declared twice")
        types = {column.name: column.type for column in self.columns}
        for rule in self.rules:
            for condition in (rule.if_, rule.then):
                require_comparable(condition, types)
        return self


def require_ordered(kind: str, name: str) -> None:
    """Return when values of a type have an order. Raises ValueError."""
    if kind not in ORDERED:
        raise ValueError(f"{name} needs a column of type {', '.join(ORDERED)}; this one is {kind}")


def require_value(kind: str, value: Any, name: str) -> None:
    """Return when a value is one of the type. Raises ValueError."""
    if kind == "any":
        return
    if kind in READERS:
        fits = isinstance(value, str) and _reads(kind, value)
    elif kind == "boolean":
        fits = isinstance(value, bool)
    elif kind in NUMERIC:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        fits = isinstance(value, str)
    if not fits:
        raise ValueError(f"{name}: {str(value)[:80]!r} is not of type {kind}")


def require_operands(condition: Condition) -> None:
    """Return when the operator has what it needs and no more. Raises ValueError."""
    op, value, other = condition.op, condition.value, condition.other
    if op is None:
        raise ValueError("op is missing")
    given = (value is not None) + (other is not None)
    if op in ("is_null", "not_null"):
        if given:
            raise ValueError(f"{op} takes neither value nor other")
    elif given != 1:
        raise ValueError(f"{op} takes one of value, other")
    elif (op in ("in", "not_in")) != isinstance(value, list):
        raise ValueError("in and not_in take a list as value, and nothing else does")
    elif op == "matches" and not isinstance(value, str):
        raise ValueError("matches takes a pattern as value")


def require_comparable(condition: Condition | None, types: dict[str, Kind]) -> None:
    """Return when both sides of every comparison are of one type. Raises ValueError."""
    if condition is None:
        return
    for inner in (*(condition.all or ()), *(condition.any or ()), condition.not_):
        require_comparable(inner, types)
    if condition.column is None or condition.op in ("is_null", "not_null", "matches"):
        return
    kind = types.get(condition.column, "any")
    if condition.other is not None:
        other = types.get(condition.other, "any")
        if family(kind) != family(other):
            raise ValueError(
                f"{condition.column[:80]!r} is {kind} and {condition.other[:80]!r} is {other}: declare both"
            )
    else:
        for value in condition.value if isinstance(condition.value, list) else [condition.value]:
            require_value("string" if kind == "any" else kind, value, f"value for {condition.column[:80]!r}")


def family(kind: Kind) -> str:
    """Types of one family compare with each other; columns without a type compare as text."""
    return "number" if kind in NUMERIC else "string" if kind == "any" else kind


def _reads(kind: str, text: str) -> bool:
    try:
        READERS[kind](text)
    except ValueError:
        return False
    return True
