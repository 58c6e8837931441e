"""A tool that answers with pictures, in the two forms it has: the plain one and MCP's.

A plain reply is one JSON object, so a picture is base64 inside it. MCP has image content blocks, which clients show:
there the picture is such a block, and the structured result, the same but for `data`, does not repeat it.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Annotated, Any

import orjson
from mcp_types import CallToolResult, ContentBlock, ImageContent, TextContent

from members import Member, ToolAnnotations
from members.fate import called_plainly
from members.image_service.results import PICTURES

Tool = Callable[..., Awaitable[Mapping[str, Any]]]


def picture_tool(member: Member, *, title: str, annotations: ToolAnnotations) -> Callable[[Tool], Tool]:
    """As `member.tool`, for a coroutine function whose typed result has pictures in it."""

    def add(function: Tool) -> Tool:
        member.tool(title=title, annotations=annotations)(in_either_form(function))
        return function

    return add


def in_either_form(function: Tool) -> Tool:
    """The tool with the same arguments and the same schema of its result, answering as it was called."""
    signature = inspect.signature(function, eval_str=True)

    @wraps(function)
    async def called(**arguments: Any) -> Any:
        result = await function(**arguments)
        return result if called_plainly() else blocks(result)

    declared = Annotated[CallToolResult, signature.return_annotation]
    called.__signature__ = signature.replace(return_annotation=declared)  # type: ignore[attr-defined]  # PEP 362
    return called


def blocks(result: Mapping[str, Any]) -> CallToolResult:
    """Each picture as a block, then the rest as text; the rest is the structured result too."""
    rest = dict(result)
    content: list[ContentBlock] = []
    for name in PICTURES:
        if name in rest:
            picture = dict(rest[name])
            content.append(ImageContent(type="image", data=picture.pop("data"), mime_type=picture["mime_type"]))
            rest[name] = picture
    content.append(TextContent(type="text", text=orjson.dumps(rest, option=orjson.OPT_INDENT_2).decode()))
    return CallToolResult(content=content, structured_content=rest)
