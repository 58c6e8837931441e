"""CSV and TSV into the database: by the database itself where every row is sound, else row by row with each fault.

Both ways read the same language (RFC 4180: quotes doubled, any newline, blank lines are nothing), so that the slower
one only adds what is wrong and where.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from members.data_validator.columns import Field
from members.data_validator.database import Bounds, Database, Questions, row
from members.data_validator.loaded import Faults, Loaded, distinct_names, require_columns, require_rows
from members.sandbox.refusals import Invalid

DELIMITERS = ",;\t|"
"""Those that are recognised without being named."""
LINE = 2_000_000
"""The longest row that the quick way takes."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a delimited text is to be read."""

    encoding: str
    delimiter: str | None
    header: bool
    nulls: tuple[str, ...]


def style(source: Mapping[str, object]) -> Style:
    """The style a caller asked for."""
    delimiter = "\t" if source["format"] == "tsv" and not source["delimiter"] else source["delimiter"]
    nulls = source["nulls"]
    assert isinstance(nulls, list)
    return Style(str(source["encoding"]), str(delimiter) if delimiter else None, bool(source["header"]), tuple(nulls))


def load(database: Database, name: str, argument: str, *, path: Path, style: Style, bounds: Bounds) -> Loaded:
    """The table `name`. Raises Invalid, TooLarge."""
    content = path.read_bytes()
    text, sound = decoded(content, style.encoding, argument)
    delimiter = style.delimiter or guessed_delimiter(text)
    style = replace(style, delimiter=delimiter)
    first = first_record(text, delimiter, argument)
    require_columns(len(first), bounds.columns, argument)
    names, notes = distinct_names(first if style.header else [f"column_{n}" for n in range(1, len(first) + 1)])
    fields = tuple(Field(each, f"c{n}", "text") for n, each in enumerate(names))
    faults = Faults(argument)
    if not (sound and quick_reads(text, len(first)) and _quickly(database, name, path, style=style, fields=fields)):
        clean = path.with_suffix(".clean")
        _rewrite(text, clean, delimiter=delimiter, skip=style.header, width=len(first), faults=faults)
        read(database, name, path=clean, delimiter=",", header=False, fields=fields, nulls=style.nulls, rewritten=True)
    stored = row(database, f"SELECT count(*) FROM {name}")[0]
    require_rows(stored + len(faults.found), bounds.rows, argument)
    return Loaded(
        name, argument, "csv" if delimiter != "\t" else "tsv", fields, stored, tuple(faults.found), tuple(notes)
    )


def decoded(content: bytes, encoding: str, argument: str) -> tuple[str, bool]:
    """The text, and whether the bytes of the file are that text in UTF-8. UTF-8 may hold undecodable bytes, which
    become lone surrogates; other encodings may not: raises Invalid with the place."""
    if encoding == "utf-8" and content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    if encoding == "utf-8":
        try:
            return content.decode("utf-8-sig"), True
        except UnicodeDecodeError:
            return content.decode("utf-8-sig", "surrogateescape"), False
    try:
        return content.decode(encoding), False
    except UnicodeDecodeError as error:
        raise Invalid(f"{argument}: byte {error.start} is not {encoding}", field=argument) from None


def guessed_delimiter(text: str) -> str:
    """The likeliest delimiter of the first line; a comma where none of them occurs."""
    line = re.sub(r'"[^"]*"', "", text[:100_000].partition("\n")[0])
    return max(DELIMITERS, key=line.count)


def first_record(text: str, delimiter: str, argument: str) -> list[str]:
    """The first record that is not blank. Raises Invalid."""
    try:
        found = next((record for record in records(text, delimiter) if record), [])
    except csv.Error as error:
        raise Invalid(f"{argument}: the first row cannot be read: {error}", field=argument) from None
    if not found:
        raise Invalid(f"{argument}: the table is empty", field=argument)
    return [sendable(name) for name in found]


def sendable(name: str) -> str:
    """A column's name as text that can be sent."""
    return name.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")[:1000]


def records(text: str, delimiter: str) -> Iterator[list[str]]:
    """The records of a text; one that breaks the quotes raises csv.Error, and the next one can still be read."""
    csv.field_size_limit(2**31 - 1)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def quick_reads(text: str, width: int) -> bool:
    """Whether nothing is in the text that two readers could take differently: blank lines, lone or mixed returns."""
    returns = text.count("\r")
    newlines = text.count("\n") if returns else 0
    if width == 1 or text[:1] in "\r\n" or "\n\n" in text or (returns and (returns != newlines or "\n\r" in text)):
        return False
    return not returns or text.count("\r\n") == returns


def _quickly(database: Database, name: str, path: Path, *, style: Style, fields: tuple[Field, ...]) -> bool:
    delimiter = style.delimiter or ","
    try:
        read(database, name, path=path, delimiter=delimiter, header=style.header, fields=fields, nulls=style.nulls)
    except duckdb.InvalidInputException:
        return False
    return True


def read(
    database: Database,
    name: str,
    *,
    path: Path,
    delimiter: str,
    header: bool,
    fields: tuple[Field, ...],
    nulls: tuple[str, ...],
    rewritten: bool = False,
) -> None:
    """`CREATE TABLE` from a sound file; the first row that is not ends it with InvalidInputException."""
    questions = Questions()
    columns = ", ".join(f"'{field.sql}': 'VARCHAR'" for field in fields)
    newline = r", new_line = '\n'" if rewritten else ""
    line = max(LINE, path.stat().st_size + 1) if rewritten else LINE
    source = (
        f"read_csv({questions.ask(str(path))}, auto_detect = false, columns = {{{columns}}},"
        f" delim = {questions.ask(delimiter)}, quote = '\"', escape = '\"', header = {header}, nullstr = '',"
        f" strict_mode = true, max_line_size = {line}, buffer_size = {max(line * 2, 32_000_000)}{newline})"
    )
    wanted = "*"
    if nulls != ("",):
        empty = f"list_contains({questions.ask([null for null in nulls if null])}::VARCHAR[], {{0}})"
        kept = "{0}" if "" in nulls else "coalesce({0}, '')"
        wanted = ", ".join(f"CASE WHEN {empty} THEN NULL ELSE {kept} END AS {{0}}".format(f.sql) for f in fields)
    database.execute(f"CREATE TABLE {name} AS SELECT {wanted} FROM {source}", questions.values)


def _rewrite(text: str, path: Path, *, delimiter: str, skip: bool, width: int, faults: Faults) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerows(sound_rows(records(text, delimiter), skip=skip, width=width, faults=faults))


def sound_rows(found: Iterator[list[str]], *, skip: bool, width: int, faults: Faults) -> Iterator[list[str]]:
    """The rows that are as wide as the table and hold text; the others become faults with their number."""
    number = -1 if skip else 0
    while True:
        try:
            record = next(found)
        except StopIteration:
            return
        except csv.Error as error:
            number += 1
            faults.add(number, "malformed_row", str(error), "")
            continue
        if not record and (width > 1 or number < 0):
            continue
        number += 1
        if number > 0 and _is_sound(record or [""], number, width, faults):
            yield record or [""]


def _is_sound(record: list[str], number: int, width: int, faults: Faults) -> bool:
    line = ",".join(record)
    if len(record) != width:
        faults.add(number, "ragged_row", f"{len(record)} fields instead of {width}", line[:200])
    elif not line.isascii() and any("\ud800" <= char <= "\udfff" for char in line):
        faults.add(number, "undecodable_row", "bytes that are not UTF-8", line[:200])
    else:
        return True
    return False
