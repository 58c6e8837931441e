"""The jobs of a worker for tables: open a database of its own, load, do one thing. Runs in workers only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from members.data_validator.checking import check
from members.data_validator.comparing import compare
from members.data_validator.database import Bounds, database
from members.data_validator.declared import TableSchema
from members.data_validator.loading import load
from members.data_validator.profiling import profile
from members.data_validator.replies import Comparison, TableProfile, TableVerdict
from members.sandbox.refusals import TooLarge
from members.sandbox.worker import Report


def validate(arguments: Mapping[str, Any], report: Report) -> TableVerdict:
    """`table` against `schema`, with `others` for foreign keys and at most `limit` examples."""
    bounds = Bounds(**arguments["bounds"])
    schema = TableSchema.model_validate(arguments["schema"])
    with database(Path(arguments["folder"]), bounds) as opened:
        report([5, "reading"])
        table = load(opened, "t0", arguments["table"], bounds)
        others = {
            name: load(opened, f"t{number}", source, bounds)
            for number, (name, source) in enumerate(arguments["others"].items(), start=1)
        }
        report([20, "checking rules"])
        return check(opened, table, schema, others, limit=arguments["limit"], report=report)


def profiled(arguments: Mapping[str, Any], report: Report) -> TableProfile:
    """The profile of `table`, of all its columns or of `columns`."""
    bounds = Bounds(**arguments["bounds"])
    with database(Path(arguments["folder"]), bounds) as opened:
        report([5, "reading"])
        table = load(opened, "t0", arguments["table"], bounds)
        names = arguments["columns"]
        fields = table.fields if names is None else table.fields_named(names, "columns")
        require_few(len(fields), bounds, "table", "; choose some with columns")
        report([20, "measuring columns"])
        return profile(opened, table, fields, report)


def compared(arguments: Mapping[str, Any], report: Report) -> Comparison:
    """How `after` differs from `before`, row by row where there is a `key`."""
    bounds = Bounds(**arguments["bounds"])
    with database(Path(arguments["folder"]), bounds) as opened:
        report([5, "reading"])
        before = load(opened, "t0", arguments["before"], bounds)
        after = load(opened, "t1", arguments["after"], bounds)
        for loaded in (before, after):
            require_few(len(loaded.fields), bounds, loaded.argument, "")
        report([25, "comparing columns"])
        key, limit = arguments["key"], arguments["limit"]
        return compare(opened, before, after, key=key, examples=limit, report=report)


def require_few(count: int, bounds: Bounds, argument: str, advice: str) -> None:
    """Return when there are not too many columns to be measured one by one. Raises TooLarge."""
    limit = bounds.profiled_columns
    if count > limit:
        problem = f"{argument}: {count} columns; at most {limit} are measured in one call{advice}"
        raise TooLarge(problem, field=argument, max_columns=limit)


JOBS = {"validate": validate, "profile": profiled, "compare": compared}
