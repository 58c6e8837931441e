"""A table against its declared schema: every violation counted, the first ones shown. Runs in workers only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from members.data_validator.checks import Check, column_checks, named, rule_check
from members.data_validator.database import Database, Questions, is_pattern, row, rows
from members.data_validator.declared import Condition, TableSchema
from members.data_validator.keys import Together, key_checks
from members.data_validator.loaded import SHORT, Loaded, shortened
from members.data_validator.replies import RuleCount, TableVerdict, Violation
from members.sandbox.refusals import Invalid
from members.sandbox.worker import Report

BATCH = 50
"""Checks in one pass over the table: more would take the planner longer than another pass."""
MOST_SHOWN = 100
"""Broken rules that are asked for examples; those of the others are only counted."""

Broken = tuple[int | None, Violation]


@dataclass(frozen=True, slots=True)
class Work:
    """What every step works on, and the most examples that a rule is asked for."""

    database: Database
    table: Loaded
    schema: TableSchema
    questions: Questions
    limit: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found so far, rule by rule."""

    counts: list[RuleCount]
    violations: list[Violation]

    def add(self, count: RuleCount, examples: Sequence[Violation] = ()) -> None:
        self.counts.append(count)
        self.violations.extend(examples)


def check(
    database: Database, table: Loaded, schema: TableSchema, others: dict[str, Loaded], *, limit: int, report: Report
) -> TableVerdict:
    """The verdict. Raises Invalid for a schema that asks for what cannot be asked."""
    require_patterns(database, schema)
    work, findings = Work(database, table, schema, Questions(), limit), Findings([], [])
    of_the_whole(table, schema, findings)
    unreadable(table, limit, findings)
    checks, left_out = planned(work)
    each_row(work, checks, findings, report)
    for together in key_checks(schema, table, others):
        of_rows_together(work, together, findings)
    for name in left_out:
        findings.add(counted(name, "rule", None, 0, checked=False))
    return verdict(table, findings, limit)


def require_patterns(database: Database, schema: TableSchema) -> None:
    """Return when RE2 takes every pattern. Raises Invalid for one that it does not."""
    for column in schema.columns:
        if column.pattern is not None and not is_pattern(database, column.pattern):
            raise Invalid(f"schema: the pattern of column {column.name[:80]!r} is none that RE2 takes", field="schema")
    for rule in schema.rules:
        for condition in (rule.if_, rule.then):
            for pattern in patterns(condition):
                if not is_pattern(database, pattern):
                    raise Invalid(f"schema: the pattern of rule {rule.name!r} is none that RE2 takes", field="schema")


def patterns(condition: Condition | None) -> Iterator[str]:
    """Every pattern in a condition."""
    if condition is None:
        return
    if condition.op == "matches":
        yield str(condition.value)
    for inner in (*(condition.all or ()), *(condition.any or ()), condition.not_):
        yield from patterns(inner)


def of_the_whole(table: Loaded, schema: TableSchema, findings: Findings) -> None:
    """Columns that are missing or not expected, and the number of rows."""
    present = {field.name for field in table.fields}
    for column in schema.columns:
        if column.required:
            wrong = "the table has no such column" if column.name not in present else None
            whole(findings, f"{column.name}.required", "required", column.name, wrong)
    if not schema.extra_columns:
        declared = {column.name for column in schema.columns}
        extra = [field.name for field in table.fields if field.name not in declared]
        rule = "extra_columns"
        told = [Violation(row=None, column=name, value=None, rule=rule, message="not declared") for name in extra]
        findings.add(counted(rule, rule, None, len(extra)), told)
    for name, limit, broken in (
        ("min_rows", schema.min_rows, table.rows < (schema.min_rows or 0)),
        ("max_rows", schema.max_rows, schema.max_rows is not None and table.rows > schema.max_rows),
    ):
        if limit is not None:
            whole(findings, name, name, None, f"{table.rows} rows, not {limit}" if broken else None)


def whole(findings: Findings, rule: str, kind: str, column: str | None, broken: str | None) -> None:
    shown = [Violation(row=None, column=column, value=None, rule=rule, message=broken)] if broken else []
    findings.add(counted(rule, kind, column, len(shown)), shown)


def unreadable(table: Loaded, limit: int, findings: Findings) -> None:
    """The rows that could not be read, by what is wrong with them."""
    for trouble in ("ragged_row", "undecodable_row", "malformed_row"):
        faults = [fault for fault in table.faults if fault.trouble == trouble]
        if faults:
            shown = [
                Violation(row=fault.row, column=None, value=fault.text, rule=trouble, message=fault.message)
                for fault in faults[:limit]
            ]
            findings.add(counted(trouble, trouble, None, len(faults)), shown)


def planned(work: Work) -> tuple[list[Check], list[str]]:
    """The checks that the table has the columns for, and the names of the rules it has not. Raises Invalid for a rule
    about a column that nobody knows."""
    schema, fields = work.schema, {field.name: field for field in work.table.fields}
    declared = {column.name for column in schema.columns}
    present = [column for column in schema.columns if column.name in fields]
    found = [column_checks(column, fields[column.name], work.questions) for column in present]
    checks, left_out = list(chain.from_iterable(found)), []
    for rule in schema.rules:
        missing = [name for name in named(rule) if name not in fields]
        if unknown := [name for name in missing if name not in declared]:
            raise Invalid(f"schema: rule {rule.name!r} names no column: {unknown[0][:80]!r}", field="schema")
        if missing:
            left_out.append(rule.name)
        else:
            checks.append(rule_check(rule, schema, fields, work.questions))
    return checks, left_out


def each_row(work: Work, checks: Sequence[Check], findings: Findings, report: Report) -> None:
    """Count what every check finds, a batch in one pass, and fetch the first rows of those that found something."""
    shown = 0
    for start in range(0, len(checks), BATCH):
        batch = checks[start : start + BATCH]
        wanted = ", ".join(f"count(*) FILTER (WHERE {each.broken})" for each in batch)
        counts = row(work.database, f"SELECT {wanted} FROM {work.table.name}", work.questions.of(wanted))
        for each, count in zip(batch, counts, strict=True):
            told = examples(work, each) if count and shown < MOST_SHOWN else []
            shown += bool(told)
            findings.add(counted(each.rule, each.kind, each.column, count), told)
        report([20 + 60 * (start + len(batch)) // len(checks), "checking rules"])


def examples(work: Work, each: Check) -> list[Violation]:
    """The first rows that break a check."""
    sql = (
        f"SELECT rowid, left({each.shown}, {SHORT + 1}) FROM {work.table.name}"
        f" WHERE {each.broken} ORDER BY rowid LIMIT {work.limit}"
    )
    return [
        Violation(
            row=work.table.number(place),
            column=each.column,
            value=short(value),
            rule=each.rule,
            message=each.message,
        )
        for place, value in rows(work.database, sql, work.questions.of(sql))
    ]


def of_rows_together(work: Work, together: Together, findings: Findings) -> None:
    """Count what a rule about rows together finds, and fetch the first of them."""
    column, number = ", ".join(together.columns), work.table.number
    count = int(row(work.database, together.count)[0])
    shown = [
        Violation(
            row=number(place),
            column=column,
            value=short(value),
            rule=together.rule,
            message=together.message if first is None else f"{together.message} {number(first)}",
        )
        for place, value, first in (rows(work.database, f"{together.examples} LIMIT {work.limit}") if count else ())
    ]
    findings.add(counted(together.rule, together.kind, column, count), shown)


def verdict(table: Loaded, findings: Findings, limit: int) -> TableVerdict:
    """The reply: violations in the order of rows, what concerns the whole table first."""
    total = sum(count["violations"] for count in findings.counts)
    found = sorted(findings.violations, key=lambda each: each["row"] or 0)[:limit]
    return {
        "valid": total == 0,
        "format": table.format,
        "rows": table.rows,
        "columns": len(table.fields),
        "violations_total": total,
        "violations": found,
        "more_violations": total > len(found),
        "rules": findings.counts,
        "notes": list(table.notes),
    }


def counted(rule: str, kind: str, column: str | None, count: int, *, checked: bool = True) -> RuleCount:
    return {"rule": rule, "kind": kind, "column": column, "checked": checked, "violations": count}


def short(value: object) -> str | None:
    """A value as text, shortened."""
    return None if value is None else shortened(str(value))
