"""A small federation with members whose words are told apart easily."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from directory.text import TextIndex
from tests.unit.directory.samples import tool

MANIFESTS: dict[str, dict[str, Any]] = {
    "code_analyzer_fastmcp": {
        "name": "Code Analyzer",
        "description": "Analyzes repositories and measures the complexity of their code.",
        "tags": ["code", "analysis", "security"],
        "capabilities": ["repo.read", "code.refactor"],
        "tools": [tool("analyze_repo", "Languages, files and lines of a git repository"), tool("refactor")],
    },
    "data_validator_fastmcp": {
        "name": "Data Validator",
        "description": "Checks documents against a schema.",
        "tags": ["data"],
        "capabilities": ["data.validate"],
        "tools": [tool("validateJSON", "Validate a JSON document"), tool("profile_table")],
    },
    "image_service_fastmcp": {
        "name": "Image Service",
        "description": "Resizes and converts pictures of many formats.",
        "tags": ["image", "media"],
        "capabilities": ["image.convert"],
        "tools": [tool("image_info"), tool("resize", "Scale a picture")],
    },
    "github_bridge": {
        "name": "GitHub Bridge",
        "description": "Issues and pull requests. Knows nothing of images but their names.",
        "tags": ["code", "issues"],
        "capabilities": ["issues.read"],
        "tools": [tool("listIssues"), tool("open_pull_request")],
    },
    "cafe_zuerich": {"name": "Café Zürich", "description": "Menus of the day.", "tags": ["food"]},
}


@asynccontextmanager
async def text_index(
    manifests: dict[str, dict[str, Any]] = MANIFESTS, pause_s: float = 0.0
) -> AsyncIterator[TextIndex]:
    """A running index in which all of `manifests` are found."""
    text = TextIndex(pause_s=pause_s)
    text.start()
    try:
        for member, manifest in manifests.items():
            text.put(member, manifest)
        await asyncio.wait_for(text.settled(), 30)
        yield text
    finally:
        await text.stop()


def best(text: TextIndex, question: str) -> list[str]:
    """The members found by the strictest reading that finds any, the best first."""
    for scores in text.readings(question):
        if scores:
            return sorted(scores, key=lambda member: (-scores[member], member))
    return []
