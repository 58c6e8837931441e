"""The Data Validator as a member: who keeps the workers, and which tools it has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from members import Member
from members.data_validator.intake import Intake
from members.data_validator.json_tools import add_json_tools
from members.data_validator.settings import DataValidatorSettings, json_limits, sources, table_limits
from members.data_validator.table_tools import TableDesk, add_table_tools
from members.material import Materials
from members.sandbox.extras import require_modules
from members.sandbox.pool import Pool

NAME = "Data Validator"
NEEDED = ("jsonschema_rs", "genson", "duckdb", "python_calamine")


def build(settings: DataValidatorSettings | None = None) -> Member:
    """The member, ready to run. Raises MissingExtra when an engine is not installed."""
    require_modules(NAME, NEEDED, extra="data")
    settings = settings or DataValidatorSettings()
    documents = Pool("members.data_validator.json_jobs", size=settings.workers, limits=json_limits(settings))
    tables = Pool("members.data_validator.table_jobs", size=settings.table_workers, limits=table_limits(settings))

    @asynccontextmanager
    async def working(_: object) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await materials.close()
            await documents.close()
            await tables.close()

    member = Member(
        "data_validator_fastmcp",
        name=NAME,
        description="Checks JSON and tables against schemas, profiles tables and compares them",
        version="1.0.0",
        capabilities=["data_validation", "json_schema", "table_validation", "data_profiling", "data_comparison"],
        tags=["data", "validation", "json", "csv", "parquet", "excel"],
        lifespan=working,
    )
    materials = Materials(sources(settings), member.peers)
    add_json_tools(member, documents, settings)
    add_table_tools(member, TableDesk(settings, Intake(settings, materials), tables))
    return member
