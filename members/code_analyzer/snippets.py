"""refactor and security_scan: what a snippet must be, and which worker job does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NotRequired, cast

from typing_extensions import TypedDict

from members.code_analyzer.findings import Suggestion, Vulnerability
from members.code_analyzer.languages import MEASURED, SCANNED, Language, find
from members.code_analyzer.settings import CodeAnalyzerSettings, thresholds
from members.sandbox.pool import Pool
from members.sandbox.refusals import Invalid, TooLarge
from members.sandbox.scratch import scratch


class Refactoring(TypedDict):
    """`refactored_code` has the safe fixes applied and equals the snippet when there are none; `diff` leads to it.
    `omitted` is there when there are more suggestions than one reply holds."""

    suggestions: list[Suggestion]
    refactored_code: str
    diff: str
    omitted: NotRequired[int]


class Scan(TypedDict):
    """`notes` is there when part of the snippet could not be read, `omitted` when there is more than one reply
    holds."""

    vulnerabilities: list[Vulnerability]
    notes: NotRequired[list[str]]
    omitted: NotRequired[int]


def checked(code_snippet: str, settings: CodeAnalyzerSettings) -> str:
    """The snippet, fit to be worked on. Raises Invalid or TooLarge."""
    if not code_snippet.strip():
        raise Invalid("code_snippet is empty", field="code_snippet")
    if "\0" in code_snippet or any(0xD800 <= ord(c) <= 0xDFFF for c in code_snippet):
        raise Invalid("code_snippet holds characters that no source file has", field="code_snippet")
    size = len(code_snippet.encode())
    if size > settings.max_snippet_bytes:
        limit = settings.max_snippet_bytes
        raise TooLarge(f"code_snippet has {size} bytes; at most {limit} are taken", max_snippet_bytes=limit)
    return code_snippet


@dataclass(frozen=True, slots=True)
class SnippetAnalyst:
    """Works on one snippet per call. Raises Invalid (empty, unknown language, syntax error), TooLarge, and what the
    workers raise."""

    settings: CodeAnalyzerSettings
    workers: Pool

    async def refactor(self, code_snippet: str, language: str) -> Refactoring:
        code, known = checked(code_snippet, self.settings), find(language, MEASURED)
        limits = asdict(thresholds(self.settings))
        return cast(Refactoring, await self._run("refactor", code, known, {"thresholds": limits}))

    async def security_scan(self, code_snippet: str, language: str) -> Scan:
        code, known = checked(code_snippet, self.settings), find(language, SCANNED)
        async with scratch(self.settings.scratch_dir) as folder:
            return cast(Scan, await self._run("security_scan", code, known, {"folder": str(folder)}))

    async def _run(self, job: str, code: str, known: Language, more: Mapping[str, object]) -> Mapping[str, Any]:
        arguments = {
            "code": code,
            "language": known.name,
            "extension": known.extension,
            "grammar": known.grammar,
            "max_findings": self.settings.max_issues,
            **more,
        }
        found: Mapping[str, Any] = await self.workers.run(job, arguments, timeout=self.settings.snippet_timeout_s)
        return found
