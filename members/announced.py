"""What of a server's tools goes into the manifest: all of it where it fits, else less of what is bulkiest. Pure.

The manifest is for finding a tool; whoever calls it may ask the member itself, whose `tools/list` stays whole. So a
server that is too wordy for a manifest is announced with less said instead of being refused. What is given up, in
this order, and only until it fits: what no manifest takes, output schemas, descriptions beyond a paragraph, everything
beside name, description and input schema, input schemas, descriptions beyond a line, and at last tools from the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from bus.manifest import MAX_DESCRIPTION, MAX_MANIFEST_BYTES, MAX_TOOLS
from bus.names import MAX_TOOL_NAME

HEADROOM_BYTES = 4_096
"""Left for what is added on the way: the epoch, and what an instance learns of itself later."""
PARAGRAPH = 1_000
LINE = 120
ELLIPSIS = "…"
ANY_INPUT = {"type": "object"}
_KEPT = ("name", "description", "inputSchema")

Tool = dict[str, Any]


def announced(
    tools: Sequence[Mapping[str, Any]], beside: Mapping[str, Any], *, limit: int = MAX_MANIFEST_BYTES
) -> tuple[list[Tool], Counter[str]]:
    """The tools as a manifest can hold them next to the fields `beside`, and how many lost what, by its name."""
    lost: Counter[str] = Counter()
    kept = [_acceptable(tool, lost) for tool in tools if 0 < len(str(tool.get("name", ""))) <= MAX_TOOL_NAME]
    kept = kept[:MAX_TOOLS]
    lost["tools"] += len(tools) - len(kept)
    excess = _size(beside) + _size(kept) + len(',"tools":') + HEADROOM_BYTES - limit
    for what, trim in _TRIMS:
        for place in _bulkiest(kept, trim) if excess > 0 else ():
            if excess <= 0:
                break
            shorter = trim(kept[place])
            excess -= _size(kept[place]) - _size(shorter)
            kept[place] = shorter
            lost[what] += 1
    while kept and excess > 0:
        excess -= _size(kept.pop()) + 1
        lost["tools"] += 1
    return kept, +lost


def _acceptable(tool: Mapping[str, Any], lost: Counter[str]) -> Tool:
    description = tool.get("description")
    if isinstance(description, str) and len(description) > MAX_DESCRIPTION:
        lost["descriptions"] += 1
        return {**tool, "description": _cut(description, MAX_DESCRIPTION)}
    return dict(tool)


def _bulkiest(tools: Sequence[Tool], trim: Callable[[Tool], Tool]) -> Iterator[int]:
    """The places of those that would become smaller, the one that frees most first."""
    freed = {place: _size(tool) - _size(trim(tool)) for place, tool in enumerate(tools)}
    yield from sorted((place for place, size in freed.items() if size > 0), key=lambda place: -freed[place])


def _without_output(tool: Tool) -> Tool:
    return {key: value for key, value in tool.items() if key != "outputSchema"}


def _in_a_paragraph(tool: Tool) -> Tool:
    return _described(tool, PARAGRAPH)


def _without_extras(tool: Tool) -> Tool:
    return {key: value for key, value in tool.items() if key in _KEPT}


def _with_any_input(tool: Tool) -> Tool:
    return {**tool, "inputSchema": ANY_INPUT} if "inputSchema" in tool else tool


def _in_a_line(tool: Tool) -> Tool:
    return _described(tool, LINE)


_TRIMS: tuple[tuple[str, Callable[[Tool], Tool]], ...] = (
    ("output schemas", _without_output),
    ("descriptions", _in_a_paragraph),
    ("annotations", _without_extras),
    ("input schemas", _with_any_input),
    ("descriptions", _in_a_line),
)


def _described(tool: Tool, most: int) -> Tool:
    description = tool.get("description")
    if not isinstance(description, str) or len(description) <= most:
        return tool
    return {**tool, "description": _cut(description, most)}


def _cut(text: str, most: int) -> str:
    return text[: most - len(ELLIPSIS)].rstrip() + ELLIPSIS


def _size(value: Any) -> int:
    return len(orjson.dumps(value))
