"""Tables for tests, worked on as a worker does it, in this process."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import openpyxl

from members.data_validator.table_jobs import JOBS

MIB = 1024 * 1024
BOUNDS = {
    "rows": 2_000_000,
    "columns": 10_000,
    "profiled_columns": 1000,
    "cells": 1_000_000,
    "unpacked_bytes": 64 * MIB,
    "memory_bytes": 2048 * MIB,
    "spill_bytes": 256 * MIB,
    "threads": 2,
}


class Desk:
    """Writes tables into a folder and runs jobs on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bounds = dict(BOUNDS)
        self._written = 0

    def table(
        self, content: str | bytes, format: str = "csv", *, argument: str = "table", **how: Any
    ) -> dict[str, Any]:
        self._written += 1
        path = self.folder / f"{self._written}.table"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        plain = {"encoding": "utf-8", "delimiter": None, "header": True, "nulls": [""], "sheet": None}
        return {"argument": argument, "path": str(path), "format": format, **plain, **how}

    def run(self, job: str, **arguments: Any) -> Any:
        named = {"folder": str(self.folder), "bounds": self.bounds, "limit": 100, "columns": None, "key": None}
        return JOBS[job]({**named, "others": {}, **arguments}, lambda step: None)  # type: ignore[operator]

    def validate(self, content: Any, schema: dict[str, Any], **more: Any) -> Any:
        table = content if isinstance(content, dict) else self.table(content)
        return self.run("validate", table=table, schema=schema, **more)

    def profile(self, content: Any, **more: Any) -> Any:
        table = content if isinstance(content, dict) else self.table(content)
        return self.run("profile", table=table, **more)

    def compare(self, before: Any, after: Any, key: Sequence[str] | None = None) -> Any:
        tables = [each if isinstance(each, dict) else self.table(each) for each in (before, after)]
        return self.run("compare", before=tables[0], after=tables[1], key=key)


def workbook(*rows: Sequence[Any], change: Callable[[Any], None] | None = None) -> bytes:
    """A workbook of one sheet."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if change is not None:
        change(book)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def parquet(folder: Path, select: str) -> bytes:
    """A Parquet file of what a SELECT gives."""
    path = folder / "written.parquet"
    with duckdb.connect() as database:
        database.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


def broken(reply: Any) -> list[tuple[int | None, str, str | None]]:
    """Row, rule and value of each violation."""
    return [(each["row"], each["rule"], each["value"]) for each in reply["violations"]]
