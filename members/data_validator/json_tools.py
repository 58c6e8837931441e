"""The tools for JSON: is it what its schema says, and which schema do samples have."""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import Field

from members import Member, ToolAnnotations
from members.data_validator.bounds import require_flat, require_small
from members.data_validator.replies import InferredSchema, Verdict
from members.data_validator.settings import DataValidatorSettings
from members.sandbox.leaves import federation_errors
from members.sandbox.pool import Pool

READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

Schema = Annotated[
    dict[str, Any] | bool, Field(description="A JSON Schema; its draft is told by $schema, else 2020-12.")
]
Data = Annotated[Any, Field(description="Any JSON value.")]
References = Annotated[
    dict[str, dict[str, Any] | bool] | None,
    Field(description="Further schemas by the URI that $ref or $schema calls them; nothing else is looked up."),
]
Formats = Annotated[bool, Field(description="False: `format` is only a note, as 2020-12 has it.")]
Samples = Annotated[list[Any], Field(min_length=1, max_length=100_000, description="JSON values of one kind.")]
Enums = Annotated[bool, Field(description="True: texts of few values that come again become an enum.")]


def add_json_tools(member: Member, workers: Pool, settings: DataValidatorSettings) -> None:
    """`validate_json` and `infer_schema`."""

    @member.tool(title="Validate JSON", annotations=READS)
    async def validate_json(
        schema: Schema, data: Data, references: References = None, formats: Formats = True
    ) -> Verdict:
        """Check data against a JSON Schema (drafts 4, 6, 7, 2019-09, 2020-12), formats included. Every error comes
        with the place in the data and in the schema. A reference to a schema that is not in the call is refused."""
        with federation_errors():
            require_modest(settings, schema=schema, data=data, references=references or {})
            arguments = {
                "schema": schema,
                "data": data,
                "references": references or {},
                "formats": formats,
                "max_errors": settings.max_errors,
            }
            return cast(Verdict, await workers.run("validate", arguments, timeout=settings.timeout_s))

    @member.tool(title="Infer a JSON Schema", annotations=READS)
    async def infer_schema(samples: Samples, enums: Enums = False) -> InferredSchema:
        """Write the JSON Schema (2020-12) that every sample has: types, required names, and formats such as date-time
        or uuid where all samples agree. A draft to go on from: what no sample shows is not in it."""
        with federation_errors():
            require_modest(settings, samples=samples)
            arguments = {"samples": samples, "enums": enums}
            return cast(InferredSchema, await workers.run("infer", arguments, timeout=settings.timeout_s))


def require_modest(settings: DataValidatorSettings, **values: Any) -> None:
    """Return when the arguments are flat and, together, small enough. Raises TooLarge, Invalid."""
    for field, value in values.items():
        require_flat(field, value, settings.max_depth)
    require_small(values, settings.max_bytes)
