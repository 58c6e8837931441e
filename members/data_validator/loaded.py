"""A table that was read: its columns, how many rows, and the rows that could not be read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from members.data_validator.columns import Field
from members.sandbox.refusals import Invalid, TooLarge

Trouble = Literal["ragged_row", "undecodable_row", "malformed_row"]

MAX_FAULTS = 100_000
"""Rows that cannot be read, above which it is not a table with faults but something else."""
SHORT = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """One row that is not in the table, and why."""

    row: int
    """Data row, counted from 1."""
    trouble: Trouble
    message: str
    text: str


class Faults:
    """The rows that could not be read, as they are found. Raises Invalid when there is no end of them."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.found: list[Fault] = []

    def add(self, row: int, trouble: Trouble, message: str, text: str) -> None:
        self.found.append(Fault(row, trouble, message, shortened(text)))
        if len(self.found) > MAX_FAULTS:
            raise Invalid(
                f"{self.table}: more than {MAX_FAULTS} rows cannot be read, the first: {self.found[0].message}",
                field=self.table,
            )


@dataclass(frozen=True, slots=True)
class Loaded:
    """A table in the database."""

    name: str
    """In queries; the argument it came as is `argument`."""
    argument: str
    format: str
    fields: tuple[Field, ...]
    stored_rows: int
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    stored_before: tuple[int, ...] = field(init=False, repr=False)
    """For each fault, how many rows of the database come before it, and one."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "stored_before", tuple(fault.row - n for n, fault in enumerate(self.faults)))

    @property
    def rows(self) -> int:
        """Data rows as they came, those that could not be read included."""
        return self.stored_rows + len(self.faults)

    def number(self, rowid: int) -> int:
        """The data row, counted from 1, of what the database calls `rowid`."""
        return rowid + 1 + bisect_right(self.stored_before, rowid + 1)

    def fields_named(self, names: Iterable[str], argument: str) -> list[Field]:
        """The columns of these names. Raises Invalid for one that is not there."""
        by_name = {each.name: each for each in self.fields}
        if missing := [name for name in names if name not in by_name]:
            raise Invalid(f"{argument}: {self.argument} has no column {missing[0][:80]!r}", field=argument)
        return [by_name[name] for name in names]


def distinct_names(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of columns made different from each other and not empty, with a note for each that was changed."""
    names: list[str] = []
    taken, notes = set(given), []
    seen: set[str] = set()
    for place, name in enumerate(given, start=1):
        own = name or f"column_{place}"
        if own in seen or not name:
            own = next(each for n in range(1, place + 2) if (each := _numbered(own, n)) not in seen | taken)
            notes.append(
                f"column {place} is called {own[:SHORT]!r} here: its own name is {'taken' if name else 'empty'}"
            )
        seen.add(own)
        names.append(own)
    return names, notes


def require_columns(count: int, limit: int, table: str) -> None:
    """Return when there are not too many. Raises TooLarge, or Invalid for none at all."""
    if count > limit:
        raise TooLarge(f"{table}: {count} columns; at most {limit} are taken", field=table, max_columns=limit)
    if not count:
        raise Invalid(f"{table}: there are no columns", field=table)


def require_rows(count: int, limit: int, table: str) -> None:
    """Return when there are not too many. Raises TooLarge."""
    if count > limit:
        raise TooLarge(f"{table}: {count} rows; at most {limit} are taken", field=table, max_rows=limit)


def shortened(text: str, size: int = SHORT) -> str:
    """At most `size` characters, fit to be sent: what was no text shows as U+FFFD."""
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") if not text.isascii() else text
    return text if len(text) <= size else text[: size - 1] + "…"


def _numbered(name: str, n: int) -> str:
    return name if n == 1 else f"{name}_{n}"
