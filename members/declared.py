"""What a tool's function returned, held to the type it declares, by the SDK's own rules and in fewer steps."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver.tools import Tool
from pydantic import BaseModel, PydanticUserError, TypeAdapter
from pydantic_core import to_json

_SIMPLE = frozenset({dict, str, int, float, bool})
"""Types (these, and none made from them) whose text beside the structured result is simply their JSON."""


class Declared:
    """The return type of one tool, its model at hand."""

    def __init__(self, tool: Tool) -> None:
        meta = tool.fn_metadata
        self.tool = tool
        self._wrap = meta.wrap_output
        self._adapter = _adapter(meta.output_model) if meta.output_schema is not None else None

    @property
    def known(self) -> bool:
        """Whether there is a model; without one only the SDK can shape what the tool returns."""
        return self._adapter is not None

    def json(self, returned: Any) -> bytes:
        """The structured result as JSON; where `known`. Raises ValueError: it is not of the declared type."""
        assert self._adapter is not None
        return self._adapter.dump_json(self._validated(self._adapter, returned), by_alias=True)

    def result(self, returned: Any) -> dict[str, Any] | None:
        """The `content` and `structuredContent` of a `tools/call` result; None: only the SDK can say.

        Raises ValueError: it is not of the declared type.
        """
        if self._adapter is None or type(returned) not in _SIMPLE:
            return None
        text = returned if type(returned) is str else to_json(returned, fallback=str, indent=2).decode()
        validated = self._validated(self._adapter, returned)
        if isinstance(validated, BaseModel):
            structured: Any = validated.model_dump(mode="json", by_alias=True)
        else:
            structured = self._adapter.dump_python(validated, mode="json", by_alias=True)
        return {"content": [{"type": "text", "text": text}], "structuredContent": structured}

    def _validated(self, adapter: TypeAdapter[Any], returned: Any) -> Any:
        return adapter.validate_python({"result": returned} if self._wrap else returned, by_alias=True, by_name=True)


def _adapter(model: Any) -> TypeAdapter[Any] | None:
    """None: there is no model, or one that pydantic takes only from the SDK (`typing.TypedDict` before Python 3.12)."""
    if model is None:
        return None
    try:
        return TypeAdapter(model)
    except PydanticUserError:
        return None
