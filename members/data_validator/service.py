"""The Data Validator as a member: one tool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, cast

from pydantic import Field
from typing_extensions import TypedDict

from members import Member, ToolAnnotations
from members.data_validator.bounds import require_flat, require_small
from members.data_validator.settings import DataValidatorSettings
from members.sandbox.extras import require_modules
from members.sandbox.leaves import federation_errors
from members.sandbox.limits import Limits
from members.sandbox.pool import Pool

NAME = "Data Validator"
READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

Schema = Annotated[
    dict[str, Any] | bool, Field(description="A JSON Schema; its draft is told by $schema, else 2020-12.")
]
Data = Annotated[Any, Field(description="Any JSON value.")]


class SchemaError(TypedDict):
    """One way in which the data is not what the schema says. Paths are JSON pointers, empty for the whole document."""

    path: str
    message: str
    schema_path: str
    keyword: str


class Verdict(TypedDict):
    """`more_errors`: there are more than the reply holds. `draft_declared`: the schema named its draft itself."""

    valid: bool
    errors: list[SchemaError]
    more_errors: bool
    draft: str
    draft_declared: bool


def build(settings: DataValidatorSettings | None = None) -> Member:
    """The member, ready to run. Raises MissingExtra when the validator is not installed."""
    require_modules(NAME, ["jsonschema_rs"], extra="data")
    settings = settings or DataValidatorSettings()
    limits = Limits(memory_bytes=settings.worker_memory_bytes, file_bytes=0)
    workers = Pool("members.data_validator.validation", size=settings.workers, limits=limits)

    @asynccontextmanager
    async def working(_: object) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await workers.close()

    member = Member(
        "data_validator_fastmcp",
        name=NAME,
        description="Checks JSON against JSON Schema and names every error",
        version="1.0.0",
        capabilities=["data_validation", "json_schema"],
        tags=["data", "validation", "json"],
        lifespan=working,
    )
    add_tools(member, workers, settings)
    return member


def add_tools(member: Member, workers: Pool, settings: DataValidatorSettings) -> None:
    """The one tool."""

    @member.tool(title="Validate JSON", annotations=READS)
    async def validate_json(schema: Schema, data: Data) -> Verdict:
        """Check data against a JSON Schema (drafts 4, 6, 7, 2019-09, 2020-12), formats included. Every error comes
        with the place in the data and in the schema. References that leave the schema are refused."""
        with federation_errors():
            for field, value in (("schema", schema), ("data", data)):
                require_flat(field, value, settings.max_depth)
            require_small(schema, data, settings.max_bytes)
            arguments = {"schema": schema, "data": data, "max_errors": settings.max_errors}
            return cast(Verdict, await workers.run("validate", arguments, timeout=settings.timeout_s))
