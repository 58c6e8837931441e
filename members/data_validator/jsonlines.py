"""JSON lines into the database: each line an object (keys are columns) or, from a workbook, a list (places are)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from members.data_validator.columns import Field
from members.data_validator.database import Bounds, Database, Questions, row
from members.data_validator.loaded import Faults, Loaded, distinct_names, require_columns, require_rows
from members.sandbox.refusals import Invalid

LINE = 16 * 1024 * 1024


def load(database: Database, name: str, argument: str, *, path: Path, bounds: Bounds) -> Loaded:
    """The table `name` from lines, or from one list, of objects. Raises Invalid, TooLarge."""
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    lines: Iterable[bytes] = members(content, argument) if content.lstrip()[:1] == b"[" else content.split(b"\n")
    clean, faults = path.with_suffix(".clean"), Faults(argument)
    keys: dict[str, None] = {}
    with clean.open("wb") as file:
        file.writelines(line + b"\n" for line in objects(lines, keys, faults, bounds.columns))
    names, notes = distinct_names(list(keys))
    require_columns(len(names), bounds.columns, argument)
    paths = ["/" + key.replace("~", "~0").replace("/", "~1") for key in keys]
    stored = extract(database, name, path=clean, pointers=paths)
    require_rows(stored + len(faults.found), bounds.rows, argument)
    fields = tuple(Field(each, f"c{n}", "json") for n, each in enumerate(names))
    return Loaded(name, argument, "jsonl", fields, stored, tuple(faults.found), tuple(notes))


def members(content: bytes, argument: str) -> Iterator[bytes]:
    """The members of one JSON list, a line each. Raises Invalid."""
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{argument}: not JSON: {error}"[:300], field=argument) from None
    return (orjson.dumps(each) for each in found)


def objects(lines: Iterable[bytes], keys: dict[str, None], faults: Faults, width: int) -> Iterator[bytes]:
    """The lines that hold an object, their keys noted in order; the others become faults with their number."""
    number = 0
    for line in lines:
        if not (line := line.strip()):
            continue
        number += 1
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            faults.add(number, *_why(error, line))
            continue
        if not isinstance(found, dict):
            faults.add(number, "malformed_row", "not an object", line[:200].decode("utf-8", "replace"))
            continue
        keys.update(dict.fromkeys(found))
        require_columns(len(keys) or 1, width, faults.table)
        yield line.replace(b"\r", b" ")  # only between tokens, where the next reader might take it for a new line


def _why(error: Exception, line: bytes) -> tuple[Any, str, str]:
    try:
        return "malformed_row", str(error)[:200], line.decode()[:200]
    except UnicodeDecodeError:
        return "undecodable_row", "bytes that are not UTF-8", line[:200].decode("utf-8", "replace")


def extract(database: Database, name: str, *, path: Path, pointers: Sequence[str]) -> int:
    """`CREATE TABLE` with a JSON column for each pointer; how many rows it has. JSON's null is an empty value."""
    questions = Questions()
    wanted = ", ".join(f"nullif(found[{n}], 'null'::JSON) AS c{n - 1}" for n in range(1, len(pointers) + 1))
    database.execute(
        f"CREATE TABLE {name} AS SELECT {wanted} FROM (SELECT json_extract(json,"
        f" {questions.ask(list(pointers))}::VARCHAR[]) AS found FROM read_ndjson_objects({questions.ask(str(path))},"
        f" maximum_object_size = {max(LINE, 2 * path.stat().st_size)}))",
        questions.values,
    )
    return int(row(database, f"SELECT count(*) FROM {name}")[0])
