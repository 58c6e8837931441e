"""A table as callers give it, brought to a file that an engine reads: inline text, base64, rows, a URL, a resource."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from bus.errors import InvalidArguments
from members.data_validator.bounds import require_flat
from members.data_validator.settings import DataValidatorSettings
from members.material import Materials, bounded, from_base64, is_uri
from members.sandbox.leaves import federation_errors

Format = Literal["csv", "tsv", "jsonl", "parquet", "xlsx"]

BINARY = ("parquet", "xlsx")
MAGIC: tuple[tuple[bytes, Format], ...] = ((b"PAR1", "parquet"), (b"PK\x03\x04", "xlsx"))
BASE64 = re.compile(r"(UEFSM|UEsDB)[A-Za-z0-9+/=\s]+")
"""How Parquet and workbooks begin in base64."""
TYPES: Mapping[str, Format] = {
    "text/tab-separated-values": "tsv",
    "text/csv": "csv",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/json": "jsonl",
}


class Table(BaseModel):
    """A table and how to read it."""

    model_config = ConfigDict(extra="forbid")

    data: str | list[dict[str, Any]] = Field(
        description="The table: its text, base64 of a binary format, a list of rows as objects, an https: or data:"
        " URL, or a resource omega://member/<id>/<its own URI>."
    )
    format: Literal["auto", "csv", "tsv", "jsonl", "parquet", "xlsx"] = "auto"
    base64: bool = Field(False, description="The data is base64; Parquet and workbooks are recognised without it.")
    encoding: Literal["utf-8", "utf-16", "latin-1", "windows-1252"] = Field(
        "utf-8", description="Of CSV and TSV. UTF-16 with a byte order mark is recognised."
    )
    delimiter: Annotated[str, Field(pattern=r"^[,;\t|:~^#!]$")] | None = Field(
        None, description="Of CSV; told from the first line when not given."
    )
    header: bool = Field(True, description="False: the first row is data; columns are called column_1, column_2, …")
    nulls: list[Annotated[str, Field(max_length=100)]] = Field(
        default_factory=lambda: [""], max_length=20, description="Texts of CSV and TSV that mean an empty value."
    )
    sheet: str | None = Field(None, max_length=100, description="Of a workbook; its first one when not given.")


Given = Annotated[
    Table | str | list[dict[str, Any]],
    Field(description="The data itself (see `data` of the object form), or an object that also says how to read it."),
]


class Intake:
    """Writes tables into files, within the limits of the settings."""

    def __init__(self, settings: DataValidatorSettings, materials: Materials) -> None:
        self._settings = settings
        self._materials = materials

    async def lay(self, given: Table | str | list[dict[str, Any]], argument: str, path: Path) -> dict[str, Any]:
        """What an engine needs to load the table, which is now in the file. Raises what `Materials.read`
        does, InvalidArguments, TooLarge."""
        table = given if isinstance(given, Table) else Table(data=given)
        content, said = await self._content(table, argument)
        await asyncio.to_thread(path.write_bytes, content)
        return {
            "argument": argument,
            "path": str(path),
            "format": recognised(content, said) if table.format == "auto" else table.format,
            **table.model_dump(include={"encoding", "delimiter", "header", "nulls", "sheet"}),
        }

    async def _content(self, table: Table, argument: str) -> tuple[bytes, str]:
        """The bytes, and what their source says they are."""
        data, limit = table.data, self._settings.table_max_bytes
        if isinstance(data, list):
            return bounded(as_lines(data, argument, self._settings.max_depth), argument, limit), "application/x-ndjson"
        if is_uri(data):
            material = await self._materials.read(data, argument)
            return material.content, material.media_type
        if table.base64 or table.format in BINARY or BASE64.fullmatch(data[:400]):
            return from_base64(data, argument, limit), ""
        try:
            return bounded(data.encode(), argument, limit), ""
        except UnicodeEncodeError as error:
            problem = f"character {error.start} is half of a surrogate pair"
            raise InvalidArguments(f"{argument}: {problem}", details={"field": argument}) from None


def as_lines(rows: list[dict[str, Any]], argument: str, max_depth: int) -> bytes:
    """Rows as JSON lines. Raises TooLarge, InvalidArguments."""
    with federation_errors():
        require_flat(argument, rows, max_depth)
    try:
        return b"\n".join(map(orjson.dumps, rows)) or b"\n"
    except TypeError as error:
        raise InvalidArguments(f"{argument}: {str(error)[:200]}", details={"field": argument}) from None


def recognised(content: bytes, media_type: str) -> Format:
    """The format of content that nobody named: by its first bytes, else by what its source says, else by its first
    line."""
    for magic, told in MAGIC:
        if content.startswith(magic):
            return told
    if media_type in TYPES:
        return TYPES[media_type]
    start = content[:100_000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] == b"{" or re.match(rb"\[\s*\{", start):
        return "jsonl"
    line = start.partition(b"\n")[0]
    return "tsv" if line.count(b"\t") > max(line.count(b","), line.count(b";"), line.count(b"|")) else "csv"
