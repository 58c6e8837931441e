"""DuckDB without the world: it sees one directory, no network, no extension, and no setting can be changed back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from members.sandbox.refusals import Failed, Invalid, TooLarge

Database = DuckDBPyConnection
MIB = 1024 * 1024

TOO_MUCH = (duckdb.OutOfMemoryException, MemoryError)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a table may have and what work on it may take."""

    rows: int
    columns: int
    profiled_columns: int
    cells: int
    unpacked_bytes: int
    memory_bytes: int
    spill_bytes: int
    threads: int


@contextmanager
def database(folder: Path, bounds: Bounds) -> Iterator[Database]:
    """A database in memory that reads and writes below `folder` only. What it refuses leaves as a Refusal."""
    with refusing(bounds), duckdb.connect(":memory:", config=configuration(folder, bounds)) as opened:
        locked(opened, folder, bounds)
        yield opened


def configuration(folder: Path, bounds: Bounds) -> dict[str, str | bool | int | float | list[str]]:
    """Settings that have to be there before the first statement."""
    return {
        "threads": bounds.threads,
        "memory_limit": f"{bounds.memory_bytes // MIB}MiB",
        "temp_directory": str(folder / "spill") if bounds.spill_bytes >= MIB else "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
    }


def locked(opened: Database, folder: Path, bounds: Bounds) -> None:
    """Shut the doors, in the only order that works: say what stays open, close the rest, throw away the key.

    The size of the spill is said here as well: given with the configuration it is shown and not kept."""
    opened.execute(f"SET max_temp_directory_size = '{bounds.spill_bytes // MIB}MiB'")
    opened.execute("SET TimeZone = 'UTC'")
    opened.execute("SET allowed_directories = [$folder]", {"folder": f"{folder}/"})
    opened.execute("SET enable_external_access = false")
    opened.execute("SET lock_configuration = true")


@contextmanager
def refusing(bounds: Bounds) -> Iterator[None]:
    """What the database says no with leaves as a Refusal."""
    try:
        yield
    except TOO_MUCH:
        limit = bounds.memory_bytes // MIB
        raise TooLarge(f"the table needs more memory than {limit} MiB to be worked on", memory_mib=limit) from None
    except duckdb.InvalidInputException as error:
        raise Invalid(f"table: {one_line(error)}", field="table") from None
    except (duckdb.OutOfRangeException, duckdb.ConversionException, duckdb.IOException) as error:
        raise Failed(f"table: {one_line(error)}", reason="unreadable") from None


def one_line(error: Exception) -> str:
    """The first line of an error, without the names of our own files."""
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return re.sub(r'"?/[^\s"]*"?', "the table", line)[:300]


class Questions:
    """Parameters of statements: what a caller wrote travels beside the SQL and never in it."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def ask(self, value: Any) -> str:
        """The placeholder that stands for a value."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"${name}"

    def of(self, sql: str) -> dict[str, Any]:
        """Those of the values that a statement asks for."""
        return {name: self.values[name] for name in set(re.findall(r"\$(p\d+)\b", sql))}


def rows(database: Database, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """Every row of an answer."""
    return database.execute(sql, dict(values) if values else None).fetchall()


def row(database: Database, sql: str, values: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
    """The one row of an aggregate."""
    return rows(database, sql, values)[0]


def is_pattern(database: Database, pattern: str) -> bool:
    """Whether RE2 takes it."""
    with suppress(duckdb.InvalidInputException):
        rows(database, "SELECT regexp_matches('', $pattern)", {"pattern": pattern})
        return True
    return False
