"""A declared schema as questions to a table: for each rule, the SQL of the rows that break it (no I/O)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from members.data_validator.columns import READ_AS, Field
from members.data_validator.database import Questions
from members.data_validator.declared import Column, Condition, Kind, Rule, TableSchema

BOUNDS = (
    ("minimum", "<", "less than"),
    ("maximum", ">", "more than"),
    ("exclusive_minimum", "<=", "not more than"),
    ("exclusive_maximum", ">=", "not less than"),
)
COMPARED = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True, slots=True)
class Check:
    """One rule that every row keeps or breaks by itself."""

    rule: str
    """As the caller knows it: `amount.minimum`, or the name of a rule."""
    kind: str
    column: str | None
    broken: str
    """SQL, true for a row that breaks it."""
    shown: str
    """SQL of the value to show."""
    message: str


def column_checks(column: Column, field: Field, questions: Questions) -> Iterator[Check]:
    """The checks of one declared column."""

    def check(kind: str, broken: str, message: str) -> Check:
        return Check(f"{column.name}.{kind}", kind, column.name, broken, field.text, message)

    value = field.value(column.type)
    if column.type not in ("any", "string") or (column.type == "string" and field.stored != "text"):
        yield check("type", f"{field.sql} IS NOT NULL AND {value} IS NULL", f"not {article(column.type)}")
    if not column.nullable:
        yield check("nullable", f"{field.sql} IS NULL", "empty")
    for name, breaks, words in BOUNDS:
        if (bound := getattr(column, name)) is not None:
            yield check(name, f"{value} {breaks} {asked(bound, column.type, questions)}", f"{words} {bound}")
    if column.min_length is not None:
        yield check("min_length", f"length({field.text}) < {column.min_length}", f"shorter than {column.min_length}")
    if column.max_length is not None:
        yield check("max_length", f"length({field.text}) > {column.max_length}", f"longer than {column.max_length}")
    if column.pattern is not None:
        matches = f"regexp_matches({field.text}, {questions.ask(column.pattern)})"
        yield check("pattern", f"NOT {matches}", f"does not match {column.pattern}")
    if column.enum is not None:
        yield check("enum", f"NOT {among(field, column.type, column.enum, questions)}", "none of the values allowed")


def rule_check(rule: Rule, schema: TableSchema, fields: dict[str, Field], questions: Questions) -> Check:
    """The check of a rule across columns; all of them have to be in `fields`."""
    types = {column.name: column.type for column in schema.columns}
    broken = f"NOT ({condition_sql(rule.then, types, fields, questions)})"
    if rule.if_ is not None:
        broken = f"({condition_sql(rule.if_, types, fields, questions)}) AND {broken}"
    names = list(dict.fromkeys(named(rule)))
    shown = " || ', ' || ".join(f"coalesce({fields[name].text}, '')" for name in names[:4])
    return Check(rule.name, "rule", None, broken, shown, "breaks the rule: " + ", ".join(names[:4]))


def named(rule: Rule) -> Iterator[str]:
    """Every column that a rule names."""
    for condition in (rule.if_, rule.then):
        if condition is not None:
            yield from columns_of(condition)


def columns_of(condition: Condition) -> Iterator[str]:
    """Every column that a condition names."""
    yield from (name for name in (condition.column, condition.other) if name is not None)
    for inner in (*(condition.all or ()), *(condition.any or ()), condition.not_):
        if inner is not None:
            yield from columns_of(inner)


def condition_sql(condition: Condition, types: dict[str, Kind], fields: dict[str, Field], questions: Questions) -> str:
    """A condition as SQL; NULL, and so no violation, where a compared value is empty."""
    if condition.not_ is not None:
        return f"NOT ({condition_sql(condition.not_, types, fields, questions)})"
    if (several := condition.all or condition.any) is not None:
        word = " AND " if condition.all else " OR "
        return word.join(f"({condition_sql(each, types, fields, questions)})" for each in several)
    assert condition.column is not None
    field, kind = fields[condition.column], types.get(condition.column, "any")
    if condition.op == "is_null":
        return f"{field.sql} IS NULL"
    if condition.op == "not_null":
        return f"{field.sql} IS NOT NULL"
    if condition.op == "matches":
        return f"regexp_matches({field.text}, {questions.ask(condition.value)})"
    if isinstance(condition.value, list):
        found = among(field, kind, condition.value, questions)
        return found if condition.op == "in" else f"NOT {found}"
    if condition.other is not None:
        right = fields[condition.other].value(types.get(condition.other, "any"))
    else:
        right = asked(condition.value, kind, questions)
    return f"{field.value(kind)} {COMPARED[condition.op or '==']} {right}"


def among(field: Field, kind: Kind, values: Sequence[object], questions: Questions) -> str:
    """Whether the value is one of these, as SQL."""
    if kind == "any":
        return f"list_contains({questions.ask([as_text(value) for value in values])}, {field.text})"
    read_as = "DOUBLE" if any(isinstance(value, float) for value in values) else READ_AS[kind]
    read = f"{questions.ask([as_text(value) for value in values])}::VARCHAR[]::{read_as}[]"
    return f"list_contains({read}, {field.value(kind)})"


def asked(value: object, kind: Kind, questions: Questions) -> str:
    """A value of the caller's as the type of the column, as SQL."""
    read_as = "DOUBLE" if isinstance(value, float) else READ_AS[kind]
    return f"{questions.ask(as_text(value))}::{read_as}"


def as_text(value: object) -> str:
    """A JSON scalar as it is written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def article(kind: Kind) -> str:
    """`an integer`, `a date`."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
