"""The tools for tables: is it what was declared, what is in it, and how does it differ from another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import Field

from members import Context, Member, ToolAnnotations
from members.data_validator.declared import TableSchema
from members.data_validator.intake import Given, Intake, Table
from members.data_validator.replies import Comparison, TableProfile, TableVerdict
from members.data_validator.settings import DataValidatorSettings, bounds
from members.sandbox.leaves import federation_errors
from members.sandbox.pool import Pool
from members.sandbox.scratch import scratch

READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=True)

Declared = Annotated[TableSchema, Field(description="What the table has to be.")]
Others = Annotated[
    dict[str, Given] | None, Field(max_length=8, description="Tables that foreign keys refer to, by name.")
]
Shown = Annotated[int, Field(ge=0, le=10_000, description="How many violations to show; all are counted.")]
Chosen = Annotated[
    list[str] | None, Field(min_length=1, description="The columns to profile; all of them when not given.")
]
Key = Annotated[
    list[str] | None, Field(min_length=1, max_length=20, description="Columns that together tell rows apart.")
]
Examples = Annotated[int, Field(ge=0, le=100, description="How many rows of each kind to show.")]

Told = Context[Any, Any]
AnyTable = Table | str | list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class TableDesk:
    """Takes tables in, has a worker look at them, and leaves nothing behind."""

    settings: DataValidatorSettings
    intake: Intake
    workers: Pool

    async def run(self, job: str, tables: dict[str, AnyTable], arguments: dict[str, Any], ctx: Told) -> Any:
        """The answer of a job about some tables, each an argument of the job by its name."""

        async def told(step: tuple[float, str]) -> None:
            await ctx.report_progress(step[0], 100, step[1])

        async with self._laid(tables) as (folder, laid):
            arguments |= laid | {"folder": str(folder), "bounds": bounds(self.settings)}
            with federation_errors():
                timeout = self.settings.table_timeout_s
                return await self.workers.run(job, gathered(arguments), timeout=timeout, on_progress=told)

    @asynccontextmanager
    async def _laid(self, tables: dict[str, AnyTable]) -> AsyncIterator[tuple[Path, dict[str, Any]]]:
        async with scratch(self.settings.scratch_dir) as folder:
            names = {name: f"table{number}" for number, name in enumerate(tables)}
            yield folder, {n: await self.intake.lay(table, n, folder / names[n]) for n, table in tables.items()}


def gathered(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments as the job takes them: what is called `others.x` is `x` of `others`."""
    others = {name.removeprefix("others."): arguments[name] for name in arguments if name.startswith("others.")}
    return {name: value for name, value in arguments.items() if not name.startswith("others.")} | {"others": others}


def add_table_tools(member: Member, desk: TableDesk) -> None:
    """`validate_table`, `profile_table` and `compare`."""

    @member.tool(title="Validate a table", annotations=READS)
    async def validate_table(
        table: Given, schema: Declared, ctx: Told, others: Others = None, max_violations: Shown = 100
    ) -> TableVerdict:
        """Check a table (CSV, TSV, JSON lines, Parquet, Excel) against a declared schema: types, ranges, lengths,
        patterns, allowed values, gaps, uniqueness, keys, and rules across columns. Every violation is counted, the
        first ones are shown with row, column and value; rows that cannot be read are violations too."""
        limit = min(max_violations, desk.settings.max_violations)
        arguments = {"schema": schema.model_dump(by_alias=True, exclude_none=True), "limit": limit}
        tables = {"table": table} | {f"others.{name}": other for name, other in (others or {}).items()}
        return cast(TableVerdict, await desk.run("validate", tables, arguments, ctx))

    @member.tool(title="Profile a table", annotations=READS)
    async def profile_table(table: Given, ctx: Told, columns: Chosen = None) -> TableProfile:
        """Tell what is in a table (CSV, TSV, JSON lines, Parquet, Excel): for each column its type, gaps, distinct
        values, range, mean, quantiles, outliers, frequent values or examples; rows, and how many are duplicates.
        From 100,000 rows on, distinct values and quantiles are estimates, and `approximate` says so."""
        return cast(TableProfile, await desk.run("profile", {"table": table}, {"columns": columns}, ctx))

    @member.tool(title="Compare two tables", annotations=READS)
    async def compare(before: Given, after: Given, ctx: Told, key: Key = None, examples: Examples = 5) -> Comparison:
        """Tell how a table differs from an earlier one: columns that came, went or changed type; rows that came, went
        or, with a key, changed; and how far the values of each column have moved. Without a key rows are compared
        whole. Formats may differ."""
        arguments = {"key": key, "limit": examples}
        return cast(Comparison, await desk.run("compare", {"before": before, "after": after}, arguments, ctx))
