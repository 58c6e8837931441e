"""Any table into the database, by the kind of its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from members.data_validator import delimited, jsonlines, workbook
from members.data_validator.columns import Field
from members.data_validator.database import TOO_MUCH, Bounds, Database, Questions, row, rows
from members.data_validator.loaded import Loaded, distinct_names, require_columns, require_rows
from members.sandbox.refusals import Invalid


def load(database: Database, name: str, source: Mapping[str, Any], bounds: Bounds) -> Loaded:
    """The table that `source` describes: what `intake` wrote of it. Raises Invalid, TooLarge."""
    argument, path = source["argument"], Path(source["path"])
    if source["format"] in ("csv", "tsv"):
        style = delimited.style(source)
        return delimited.load(database, name, argument, path=path, style=style, bounds=bounds)
    if source["format"] == "jsonl":
        return jsonlines.load(database, name, argument, path=path, bounds=bounds)
    if source["format"] == "xlsx":
        sheet, header = source["sheet"], source["header"]
        return workbook.load(database, name, argument, path=path, sheet=sheet, header=header, bounds=bounds)
    return parquet(database, name, argument, path, bounds)


def parquet(database: Database, name: str, argument: str, path: Path, bounds: Bounds) -> Loaded:
    """The table `name` from a Parquet file, whose footer is asked first how much it holds."""
    questions = Questions()
    file = f"read_parquet({questions.ask(str(path))})"
    try:
        held = row(
            database, f"SELECT num_rows FROM parquet_file_metadata({questions.ask(str(path))})", questions.of("$p1")
        )
        described = rows(database, f"DESCRIBE SELECT * FROM {file}", questions.of(file))
        require_rows(int(held[0]), bounds.rows, argument)
        require_columns(len(described), bounds.columns, argument)
        aliases = ", ".join(f"c{n}" for n in range(len(described)))
        database.execute(f"CREATE TABLE {name} AS SELECT * FROM {file} AS held({aliases})", questions.of(file))
    except TOO_MUCH:
        raise
    except duckdb.Error as error:  # a file made to confuse can bring up any of them
        raise Invalid(f"{argument}: the Parquet file cannot be read: {type(error).__name__}", field=argument) from None
    names, notes = distinct_names([str(column[0]) for column in described])
    fields = tuple(Field(each, f"c{n}", "native", str(described[n][1])) for n, each in enumerate(names))
    stored = int(row(database, f"SELECT count(*) FROM {name}")[0])
    return Loaded(name, argument, "parquet", fields, stored, notes=tuple(notes))
