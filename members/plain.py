"""A tool as the plain form calls it: an arguments object in, the bare result's JSON out, no session around it.

The models are the SDK's own, made from the function's signature; what is left out is only what MCP adds around them
(a session, text blocks beside the structured result).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, InputRequiredResult
from pydantic import ValidationError
from rapidfuzz import process

from bus.errors import Internal, InvalidArguments, ToolError
from bus.validation import explained
from members.declared import Declared


class PlainTool:
    """One tool with its models at hand."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self._known = frozenset(tool.parameters.get("properties", {}))
        self._open = bool(tool.parameters.get("additionalProperties"))
        self._declared = Declared(tool)

    @property
    def needs_session(self) -> bool:
        """Whether the function asks for a `Context`, or for answers of the client."""
        return self.tool.context_kwarg is not None or bool(self.tool.resolved_params)

    async def call(self, arguments: Mapping[str, Any]) -> bytes:
        """Bind, run, shape. Raises as both do, and what the function raises."""
        bound = self.bind(arguments)
        return self.shape(await self.tool.fn_metadata.call_fn(self.tool.fn, self.tool.is_async, bound))

    def bind(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The function's keyword arguments. Raises InvalidArguments naming each field that does not fit."""
        self._refuse_unknown(arguments)
        try:
            return self.tool.fn_metadata.arg_model.model_validate(arguments).model_dump_one_level()
        except ValidationError as exc:
            raise explained(exc, InvalidArguments) from exc

    def shape(self, returned: Any) -> bytes:
        """What the function returned, as the JSON of the plain reply. Raises Internal: it is not what it declares."""
        try:
            if not self._declared.known or isinstance(returned, CallToolResult | InputRequiredResult):
                return plain_result(self.tool.fn_metadata.convert_result(returned))
            return self._declared.json(returned)
        except ValueError as exc:
            raise Internal(f"{self.tool.name}: the result is not of the type it declares") from exc

    def _refuse_unknown(self, arguments: Mapping[str, Any]) -> None:
        """An argument the tool does not have is most likely a misspelt one: say so rather than ignore it."""
        if self._open or self._known.issuperset(arguments):
            return
        shown = next(name for name in arguments if name not in self._known)[:80]
        near = process.extractOne(shown, list(self._known), score_cutoff=60)
        hint = f"; did you mean {near[0]!r}?" if near else f"; it takes {', '.join(sorted(self._known)) or 'none'}"
        raise InvalidArguments(
            f"{shown}: {self.tool.name} has no such argument{hint}",
            details={"problems": [{"field": shown, "problem": "no such argument"}]},
        )


def plain_result(result: CallToolResult | InputRequiredResult | Mapping[str, Any]) -> bytes:
    """The bare result: the structured content where there is one, else the content blocks. Raises ToolError."""
    wire = result if isinstance(result, Mapping) else result.model_dump(mode="json", by_alias=True, exclude_none=True)
    if wire.get("isError"):
        raise ToolError(_text(wire))
    if wire.get("resultType") == "input_required":
        raise ToolError("the tool asks for input; call it over MCP", details={"resultType": "input_required"})
    structured = wire.get("structuredContent")
    if structured is not None:
        return orjson.dumps(structured)
    return orjson.dumps({"content": wire.get("content", [])})


def _text(result: Mapping[str, Any]) -> str:
    blocks = result.get("content") or []
    return "\n".join(str(block.get("text", "")) for block in blocks if isinstance(block, dict)) or "the tool failed"
