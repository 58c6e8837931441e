"""What a column is to a query: where its values lie and how they read as text and as each type.

A table has `c0`, `c1`, … for columns, whatever they are called: names of callers never become SQL. A value *is* of a
type when it reads as one; only what is written as a number is a number (`007` is none), and dates are ISO 8601.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from members.data_validator.declared import Kind

Stored = Literal["text", "json", "native"]

INTEGER = r"[+-]?(?:0|[1-9][0-9]*)"
NUMBER = r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = r"(?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?"
ZONE = r"(?:[zZ]|[+-][0-9]{2}:?[0-9]{2})?"

WRITTEN: Mapping[Kind, tuple[str, str]] = {
    "integer": (INTEGER, "HUGEINT"),
    "number": (NUMBER, "DOUBLE"),
    "date": (DATE, "DATE"),
    "datetime": (f"{DATE}[tT ]{TIME}{ZONE}", "TIMESTAMPTZ"),
    "time": (TIME, "TIME"),
}
"""How a type is written, and what it becomes."""

NATIVE: Mapping[str, Kind] = {
    "BOOLEAN": "boolean",
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), "integer"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"), "integer"),
    **dict.fromkeys(("FLOAT", "DOUBLE", "DECIMAL"), "number"),
    "DATE": "date",
    "TIME": "time",
    **dict.fromkeys(
        ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"), "datetime"
    ),
    **dict.fromkeys(("VARCHAR", "UUID", "ENUM"), "string"),
}
"""What the types of a database mean here; every other one is only text."""

READ_AS: Mapping[Kind, str] = {
    **{kind: becomes for kind, (_, becomes) in WRITTEN.items()},
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
    "any": "VARCHAR",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a loaded table."""

    name: str
    sql: str
    """Its name in queries."""
    stored: Stored
    native: str = "VARCHAR"
    """The database's type, for `native` ones."""

    @property
    def text(self) -> str:
        """The value as people see it; NULL where it is empty."""
        if self.stored == "text":
            return self.sql
        return f"({self.sql} ->> '$')" if self.stored == "json" else f"CAST({self.sql} AS VARCHAR)"

    @property
    def own(self) -> Kind:
        """The type that a database said a column has; `any` where only the values can tell."""
        return NATIVE.get(self.native.partition("(")[0], "any") if self.stored == "native" else "any"

    def value(self, kind: Kind) -> str:
        """The value as one of the type; NULL where it is empty or is none."""
        if kind == "any":
            return self.text
        if self.stored == "native":
            return self._native(kind)
        return read(self.text, kind) if self.stored == "text" else self._json(kind)

    def _native(self, kind: Kind) -> str:
        if self.own == kind:
            return f"CAST({self.sql} AS {READ_AS[kind]})"
        if (self.own, kind) == ("integer", "number"):
            return f"CAST({self.sql} AS DOUBLE)"
        if (self.own, kind) == ("number", "integer"):
            return f"CASE WHEN {self.sql} = floor({self.sql}) THEN TRY_CAST({self.sql} AS HUGEINT) END"
        return f"CAST(NULL AS {READ_AS[kind]})"

    def _json(self, kind: Kind) -> str:
        word = f"json_type({self.sql})"
        if kind == "number":
            return f"CASE WHEN {word} IN ('UBIGINT', 'BIGINT', 'DOUBLE') THEN TRY_CAST({self.text} AS DOUBLE) END"
        if kind == "integer":
            whole = f"TRY_CAST({self.text} AS DOUBLE) = floor(TRY_CAST({self.text} AS DOUBLE))"
            return (
                f"CASE WHEN {word} IN ('UBIGINT', 'BIGINT') OR ({word} = 'DOUBLE' AND {whole})"
                f" THEN TRY_CAST({self.text} AS HUGEINT) END"
            )
        if kind == "boolean":
            return f"CASE WHEN {word} = 'BOOLEAN' THEN {self.text} = 'true' END"
        inside = self.text if kind == "string" else read(self.text, kind)
        return f"CASE WHEN {word} = 'VARCHAR' THEN {inside} END"


def read(text: str, kind: Kind) -> str:
    """Text read as a type, as SQL; NULL where it is not written as one."""
    if kind in ("string", "any"):
        return text
    if kind == "boolean":
        return f"CASE lower({text}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    written, becomes = WRITTEN[kind]
    return f"CASE WHEN regexp_full_match({text}, '{written}') THEN TRY_CAST(upper({text}) AS {becomes}) END"
