"""Every kind of file becomes the same table, and a broken one says what is broken."""

from __future__ import annotations

import csv
import io
import struct
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from members.data_validator import delimited
from members.data_validator.database import Bounds, Database, database, rows
from members.sandbox.refusals import Invalid, Refusal, TooLarge
from tests.unit.members.data_validator.tables import BOUNDS, Desk, broken, parquet, workbook

COLUMNS = {"columns": [{"name": "id", "type": "integer"}, {"name": "at", "type": "datetime"}], "extra_columns": False}
SELECT = "SELECT range + 1 AS id, TIMESTAMP '2024-01-02 03:04:05' AS at FROM range(3)"

cells = st.text(st.sampled_from('ab", ;\t\n\r\x00é\ud7ff'), max_size=4)


TEXT = "id,at\n" + "".join(f"{n},2024-01-02T03:04:05\n" for n in (1, 2, 3))
LINES = "".join(f'{{"id": {n}, "at": "2024-01-02T03:04:05"}}\n' for n in (1, 2, 3))
WRITTEN: dict[str, tuple[bytes, str, dict[str, Any]]] = {
    "csv": (TEXT.encode(), "csv", {}),
    "crlf": (TEXT.replace("\n", "\r\n").encode(), "csv", {}),
    "semicolons": (TEXT.replace(",", ";").encode(), "csv", {}),
    "tsv": (TEXT.replace(",", "\t").encode(), "tsv", {}),
    "bom": (b"\xef\xbb\xbf" + TEXT.encode(), "csv", {}),
    "utf-16": (TEXT.encode("utf-16"), "csv", {}),
    "latin-1": (TEXT.encode("latin-1"), "csv", {"encoding": "latin-1"}),
    "jsonl": (LINES.encode(), "jsonl", {}),
    "a json list": (f"[{','.join(LINES.splitlines())}]".encode(), "jsonl", {}),
}


def in_the_form(form: str, folder: Path) -> tuple[bytes, str, dict[str, Any]]:
    """The same three rows, how they are to be read, and with which words."""
    if form == "xlsx":
        return workbook(["id", "at"], *([n, datetime(2024, 1, 2, 3, 4, 5)] for n in (1, 2, 3))), "xlsx", {}
    if form == "parquet":
        return parquet(folder, SELECT), "parquet", {}
    return WRITTEN[form]


@pytest.mark.parametrize(
    "form",
    [*WRITTEN, "xlsx", "parquet"],
)
def test_a_table_is_the_same_in_every_form(desk: Desk, form: str) -> None:
    content, kind, how = in_the_form(form, desk.folder)
    table = desk.table(content, kind, **how)
    assert desk.validate(table, COLUMNS)["valid"]
    profile = desk.profile(table)
    assert [(each["name"], each["type"]) for each in profile["columns"]] == [("id", "integer"), ("at", "datetime")]
    assert (profile["rows"], profile["columns"][0]["maximum"]) == (3, 3)
    plain = desk.table(WRITTEN["csv"][0])
    assert desk.compare(plain, table, key=["id"])["identical"]
    assert desk.compare(table, plain)["identical"]


def test_types_of_a_workbook_and_of_parquet_come_through(desk: Desk) -> None:
    book = workbook(["n", "f", "t", "b", "d"], [1, 1.5, "x", True, date(2024, 1, 2)], [2, 2.0, None, False, None])
    types = {each["name"]: each["type"] for each in desk.profile(desk.table(book, "xlsx"))["columns"]}
    assert types == {"n": "integer", "f": "number", "t": "string", "b": "boolean", "d": "date"}
    columns = (
        "1::UTINYINT AS a, 1.5::DECIMAL(5, 2) AS b, [1] AS c, 'x' AS d, DATE '2024-01-02' AS e, NULL::INTEGER AS f"
    )
    told = desk.profile(desk.table(parquet(desk.folder, f"SELECT {columns}"), "parquet"))["columns"]
    assert [each["type"] for each in told] == ["integer", "number", "other", "string", "date", "integer"]
    assert [each["stored_as"] for each in told][:2] == ["UTINYINT", "DECIMAL(5,2)"]


def test_a_sheet_is_chosen_by_name(desk: Desk) -> None:
    book = workbook(["a"], [1], change=lambda book: book.create_sheet("second").append(["b"]))
    assert desk.profile(desk.table(book, "xlsx", sheet="second"))["columns"][0]["name"] == "b"
    with pytest.raises(Invalid, match=r"no sheet 'third'; there are \['Sheet', 'second'\]"):
        desk.profile(desk.table(book, "xlsx", sheet="third"))


def test_nulls_are_what_the_caller_says_and_a_table_may_go_without_a_header(desk: Desk) -> None:
    table = desk.table("NA,\n1,x\n", header=False, nulls=["NA"])
    told = desk.profile(table)["columns"]
    assert [(each["name"], each["nulls"], each["type"]) for each in told] == [
        ("column_1", 1, "integer"),
        ("column_2", 0, "string"),
    ]


def test_names_that_are_empty_or_taken_are_made_different_and_told(desk: Desk) -> None:
    told = desk.profile("a,a,,a_2\n1,2,3,4\n")
    assert [each["name"] for each in told["columns"]] == ["a", "a_3", "column_3", "a_2"]
    assert len(told["notes"]) == 2


def by_hand(text: str, width: int) -> list[tuple[str | None, ...]]:
    found = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    assert all(len(row) == width for row in found)
    return [tuple(cell or None for cell in row) for row in found]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
    """One database for many small tables, and the file they come in."""
    folder = tmp_path_factory.mktemp("quick")
    with database(folder, Bounds(**BOUNDS)) as opened:
        yield opened, folder / "x.table"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(cells, cells), max_size=6), st.sampled_from(["\n", "\r\n", "\r"]), st.integers(0, 1))
def test_the_quick_way_reads_what_the_slow_way_reads(
    quick: tuple[Database, Path], found: list[tuple[str, str]], newline: str, quoting: int
) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator=newline, quoting=quoting).writerows([("a", "b"), *found])  # type: ignore[arg-type]
    assume(all(len(row) == 2 for row in csv.reader(io.StringIO(written.getvalue(), newline=""))))
    opened, path = quick
    path.write_text(written.getvalue(), newline="")
    style = delimited.Style("utf-8", ",", True, ("",))
    opened.execute("DROP TABLE IF EXISTS t0")
    table = delimited.load(opened, "t0", "table", path=path, style=style, bounds=Bounds(**BOUNDS))
    assert rows(opened, "SELECT c0, c1 FROM t0 ORDER BY rowid") == by_hand(written.getvalue(), 2)[1:]
    assert not table.faults


def test_what_breaks_the_quotes_is_one_row(desk: Desk) -> None:
    reply = desk.validate('a,b\n1,"x"y\n2,z\n3,"never\nclosed\n', {})
    assert broken(reply) == [(1, "malformed_row", ""), (3, "malformed_row", "")]
    assert reply["rows"] == 3


def test_broken_json_lines_are_told_one_by_one(desk: Desk) -> None:
    lines = (
        b'{"a": 1}\n\nnope\n[1]\n{"a": "\xff"}\n{"a": 1e999}\n{"a": "\\ud800"}\n'
        + b'{"a":' * 5000
        + b"\n"
        + b'{"a": 2}'
    )
    reply = desk.validate(desk.table(lines, "jsonl"), {"columns": [{"name": "a", "type": "integer"}]})
    assert [(each["row"], each["rule"]) for each in reply["violations"]] == [
        (2, "malformed_row"),
        (3, "malformed_row"),
        (4, "undecodable_row"),
        (5, "malformed_row"),
        (6, "malformed_row"),
        (7, "malformed_row"),
    ]
    assert reply["rows"] == 8


def test_a_table_of_nothing_but_faults_is_no_table(desk: Desk) -> None:
    with pytest.raises(Invalid, match="more than 100000 rows cannot be read, the first: 1 fields instead of 2"):
        desk.profile("a,b\n" + "x\n" * 100_001)


def zipped(name: str, content: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr(name, content)
    return written.getvalue()


def lying(content: bytes) -> bytes:
    """A workbook whose archive claims that everything in it is ten bytes long."""
    place = content.find(b"PK\x01\x02")
    while place >= 0:
        content = content[: place + 24] + struct.pack("<I", 10) + content[place + 28 :]
        place = content.find(b"PK\x01\x02", place + 4)
    return content


MIB = 1024 * 1024
BOMB = zipped("xl/worksheets/sheet1.xml", b"0" * 65 * MIB)
WIDE = workbook(["a"], change=lambda book: book.active.cell(1_048_576, 16_384, 1))
REFUSED: list[tuple[str, bytes, str, type[Refusal], str]] = [
    ("nothing", b"", "csv", Invalid, "the table is empty"),
    ("blank lines", b"\n\n\n", "csv", Invalid, "the table is empty"),
    ("no JSON lines", b"\n", "jsonl", Invalid, "there are no columns"),
    ("a broken list", b"[{", "jsonl", Invalid, "not JSON"),
    ("a cut workbook", workbook(["a"], [1])[:900], "xlsx", Invalid, "cannot be unpacked"),
    ("another archive", zipped("x", b"")[:0] + zipped("mimetype", b"x").replace(b"xl/workbook.xml", b"xl/workbook.txt"),
     "xlsx", Invalid, "not an Excel workbook"),
    ("a workbook of nothing", zipped("xl/styles.xml", b""), "xlsx", Invalid, "cannot be read"),
    ("a bomb", BOMB, "xlsx", TooLarge, "unpacks to more than"),
    ("a bomb that lies", lying(BOMB), "xlsx", Refusal, "workbook"),
    ("a sheet of billions of empty cells", WIDE, "xlsx", TooLarge, "spans 1048576 rows by 16384 columns"),
    ("no Parquet", b"PAR1PAR1", "parquet", Invalid, "Parquet file cannot be read"),
    ("Parquet of junk", b"PAR1" + b"\xff" * 1000 + b"\x10\x00\x00\x00PAR1", "parquet", Invalid, "cannot be read"),
    ("too many columns", ",".join("c" * 10_001).encode(), "csv", TooLarge, "10001 columns; at most 10000"),
    ("another encoding", b"a\n\x81\n", "csv", Invalid, "byte 2 is not windows-1252"),
]  # fmt: skip


@pytest.mark.parametrize("row", REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_no_table_is_refused_in_words(desk: Desk, row: tuple[str, bytes, str, type[Refusal], str]) -> None:
    name, content, kind, refusal, words = row
    how = {"encoding": "windows-1252"} if name == "another encoding" else {}
    with pytest.raises(refusal) as caught:
        desk.profile(desk.table(content, kind, **how))
    assert caught.value.message.startswith("table: ")
    assert words in caught.value.message


def test_a_parquet_file_of_more_rows_than_bytes_is_refused_by_its_footer(desk: Desk) -> None:
    small = parquet(desk.folder, "SELECT 1 AS a FROM range(3000000)")
    assert len(small) < 100_000
    with pytest.raises(TooLarge, match="3000000 rows; at most 2000000"):
        desk.profile(desk.table(small, "parquet"))


def test_the_database_sees_its_folder_and_nothing_else(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out.csv"
    inside.mkdir()
    outside.write_text("a\n1\n")
    attempts = [
        f"SELECT * FROM read_csv('{outside}')",
        f"SELECT * FROM read_csv('{inside}/../out.csv')",
        f"SELECT * FROM read_text('{outside}')",
        "SELECT * FROM glob('/etc/*')",
        f"COPY (SELECT 1) TO '{tmp_path}/written.csv'",
        f"ATTACH '{tmp_path}/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_csv('https://127.0.0.1:1/x.csv')",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET memory_limit = '100GB'",
    ]
    for attempt in attempts:
        with (
            pytest.raises(Exception, match=r"(?i)disabled|locked|Cannot|Permission"),
            database(inside, Bounds(**BOUNDS)) as opened,
        ):
            opened.execute(attempt)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.csv"]


NAMES = ['"; DROP TABLE t0; --', "c1", "rowid", "a\"b'c", "$p0", "\x00", "{0}", "SELECT", "é" * 50]


def test_names_values_and_patterns_that_look_like_sql_are_only_text(desk: Desk) -> None:
    written = io.StringIO()
    csv.writer(written).writerows([NAMES, NAMES, NAMES])
    schema = {
        "columns": [{"name": name, "enum": [name], "pattern": "'; DROP TABLE t0; --|"} for name in NAMES],
        "primary_key": NAMES[:2],
        "rules": [{"name": name + "r", "then": {"column": name, "op": "==", "value": name}} for name in NAMES],
    }
    reply = desk.validate(written.getvalue(), schema)
    assert [(each["row"], each["rule"]) for each in reply["violations"]] == [(2, "primary_key")]
    assert [each["name"] for each in desk.profile(written.getvalue())["columns"]] == NAMES
    lines = desk.table('{"/": 1, "~1": 2, "": 3, "a.b": 4, "$[0]": 5, "0": 6}\n', "jsonl")
    assert [each["maximum"] for each in desk.profile(lines)["columns"]] == [1, 2, 3, 4, 5, 6]


def test_a_pattern_made_to_hang_does_not(desk: Desk) -> None:
    reply = desk.validate(f"a,b\n{'a' * 50_000}!,\n", {"columns": [{"name": "a", "pattern": "^(a+)+$"}]})
    assert reply["violations_total"] == 1


def test_ten_thousand_columns(desk: Desk) -> None:
    names = [f"col{n}" for n in range(10_000)]
    lines = [",".join(str((n * row) % 97) for n in range(10_000)) for row in range(3)]
    columns = [{"name": name, "type": "integer"} for name in names[:100]] + [
        {"name": "col9999", "maximum": 5, "type": "number"}
    ]
    table = desk.table("\n".join([",".join(names), *lines]))
    reply = desk.validate(table, {"columns": columns})
    assert (reply["columns"], broken(reply)) == (10_000, [(2, "col9999.maximum", "8"), (3, "col9999.maximum", "16")])
    with pytest.raises(TooLarge, match="10000 columns; at most 1000 are measured in one call; choose some"):
        desk.profile(table)
