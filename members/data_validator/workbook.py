"""Excel workbooks (.xlsx) into the database. A workbook is a stranger's archive: it is measured before it is opened."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson
from python_calamine import CalamineError, CalamineWorkbook

from members.data_validator import jsonlines
from members.data_validator.columns import Field
from members.data_validator.database import Bounds, Database
from members.data_validator.loaded import Loaded, distinct_names, require_columns, require_rows
from members.sandbox.refusals import Invalid, TooLarge

CHUNK = 1024 * 1024
OVERLAP = 64
CELL = re.compile(rb'\br="([A-Z]{1,7})([0-9]{1,15})"')
SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")


def load(
    database: Database, name: str, argument: str, *, path: Path, sheet: str | None, header: bool, bounds: Bounds
) -> Loaded:
    """The table `name` from one sheet, the first when none is named. Raises Invalid, TooLarge."""
    require_modest(path, argument, bounds)
    found = sheet_rows(path, argument, sheet)
    first = next(found, [])
    require_columns(len(first), bounds.columns, argument)
    given = [str(plain(cell) if cell != "" else "") for cell in first] if header else [""] * len(first)
    names, notes = distinct_names(given)
    lines = path.with_suffix(".lines")
    with lines.open("wb") as file:
        if not header:
            file.write(line(first))
        file.writelines(line(row) for row in found)
    stored = jsonlines.extract(database, name, path=lines, pointers=[f"/{n}" for n in range(len(names))])
    require_rows(stored, bounds.rows, argument)
    fields = tuple(Field(each, f"c{n}", "json") for n, each in enumerate(names))
    return Loaded(name, argument, "xlsx", fields, stored, notes=tuple(notes) if header else ())


def sheet_rows(path: Path, argument: str, sheet: str | None) -> Iterator[list[Any]]:
    """The rows of a sheet from its first to its last cell that holds anything. Raises Invalid."""
    try:
        book = CalamineWorkbook.from_path(str(path))
        names = book.sheet_names
        if sheet is not None and sheet not in names:
            raise Invalid(f"{argument}: no sheet {sheet[:80]!r}; there are {names[:20]}", field=argument)
        if not names:
            raise Invalid(f"{argument}: the workbook has no sheet", field=argument)
        return book.get_sheet_by_name(names[0] if sheet is None else sheet).iter_rows()
    except (CalamineError, ValueError, OSError) as error:
        raise Invalid(f"{argument}: the workbook cannot be read: {str(error)[:200]}", field=argument) from None


def require_modest(path: Path, argument: str, bounds: Bounds) -> None:
    """Return when a workbook unpacks to little enough and no sheet spans too many cells. Raises TooLarge, Invalid."""
    unpacked = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                unpacked += _measured(archive, member, argument, bounds, bounds.unpacked_bytes - unpacked)
            if "xl/workbook.xml" not in archive.namelist():
                raise Invalid(f"{argument}: an archive, but not an Excel workbook (.xlsx)", field=argument)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise Invalid(f"{argument}: the workbook cannot be unpacked: {str(error)[:100]}", field=argument) from None


def _measured(archive: zipfile.ZipFile, member: zipfile.ZipInfo, argument: str, bounds: Bounds, left: int) -> int:
    farthest_row = farthest_column = size = 0
    tail = b""
    with archive.open(member) as stream:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > left:
                limit = bounds.unpacked_bytes
                raise TooLarge(f"{argument}: the workbook unpacks to more than {limit} bytes", max_bytes=limit)
            if SHEET.fullmatch(member.filename):
                for column, row in CELL.findall(tail + chunk):
                    farthest_row = max(farthest_row, int(row))
                    farthest_column = max(farthest_column, column_number(column))
                tail = chunk[-OVERLAP:]
    if farthest_row * farthest_column > bounds.cells:
        raise TooLarge(
            f"{argument}: a sheet spans {farthest_row} rows by {farthest_column} columns; at most {bounds.cells} cells"
            " are taken",
            max_cells=bounds.cells,
        )
    return size


def column_number(letters: bytes) -> int:
    """`A` is 1, `AA` is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def line(row: list[Any]) -> bytes:
    """A row of cells as a line of JSON."""
    return orjson.dumps([plain(cell) for cell in row]) + b"\n"


def plain(cell: Any) -> Any:
    """A cell as JSON: whole numbers whole, dates and times as ISO 8601, empty text as null."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return int(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return None if cell == "" else cell
