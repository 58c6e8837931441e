"""The Code Analyzer as a member: three tools, their documented shapes, and who keeps the workers."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from members import Context, Member, ToolAnnotations
from members.code_analyzer import git
from members.code_analyzer.analysis import RepositoryAnalyst
from members.code_analyzer.report import Analysis
from members.code_analyzer.settings import CodeAnalyzerSettings
from members.code_analyzer.snippets import Refactoring, Scan, SnippetAnalyst
from members.sandbox.extras import MissingExtra, require_modules, require_program
from members.sandbox.leaves import federation_errors
from members.sandbox.limits import Limits
from members.sandbox.pool import Pool

NAME = "Code Analyzer"
NEEDED = ("lizard", "pygount", "ruff", "bandit", "detect_secrets", "ast_grep_py", "yaml")
READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
READS_THE_WORLD = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=True)

Snippet = Annotated[str, Field(description="Source text; lines are counted from 1.")]
LanguageName = Annotated[str, Field(description="Its language, such as python, javascript, java, go, c++.")]
RepositoryUrl = Annotated[str, Field(description="https URL of a public git repository, as for git clone.")]


class AnalysisReply(TypedDict):
    """What analyze_repo answers."""

    analysis: Analysis


def build(settings: CodeAnalyzerSettings | None = None) -> Member:
    """The member, ready to run. Raises MissingExtra when an engine or git is not installed."""
    require_modules(NAME, NEEDED, extra="code")
    require_program(NAME, "git")
    require_pinning()
    settings = settings or CodeAnalyzerSettings()
    limits = Limits(memory_bytes=settings.worker_memory_bytes, file_bytes=settings.max_clone_bytes)
    repositories = Pool("members.code_analyzer.repository_jobs", size=settings.repository_workers, limits=limits)
    snippets = Pool("members.code_analyzer.snippet_jobs", size=settings.snippet_workers, limits=limits)

    @asynccontextmanager
    async def working(_: object) -> AsyncIterator[None]:
        await snippets.warm()
        try:
            yield
        finally:
            await snippets.close()
            await repositories.close()

    member = Member(
        "code_analyzer_fastmcp",
        name=NAME,
        description="Measures repositories, suggests refactorings and finds weaknesses in code",
        version="1.0.0",
        capabilities=["code_analysis", "refactoring", "security_scan", "repo.read"],
        tags=["code", "analysis", "security"],
        limit=8,
        lifespan=working,
    )
    add_tools(member, RepositoryAnalyst(settings, repositories), SnippetAnalyst(settings, snippets))
    return member


def add_tools(member: Member, repositories: RepositoryAnalyst, snippets: SnippetAnalyst) -> None:
    """The three tools."""

    @member.tool(title="Analyze a repository", annotations=READS_THE_WORLD)
    async def analyze_repo(repo_url: RepositoryUrl, ctx: Context) -> AnalysisReply:
        """Clone a public git repository and measure it: languages in per cent of code lines, files, lines, a
        complexity score from 0 (straight-line) to 10, and issues with file and line. Nothing of it is run."""

        async def told(per_cent: float, doing: str) -> None:
            await ctx.report_progress(per_cent, 100, doing)

        with federation_errors():
            return {"analysis": await repositories.analyze(repo_url, told)}

    @member.tool(title="Suggest refactorings", annotations=READS)
    async def refactor(code_snippet: Snippet, language: LanguageName) -> Refactoring:
        """Suggest how a snippet could be better. Python also comes back with every safe fix applied, and the diff."""
        with federation_errors():
            return await snippets.refactor(code_snippet, language)

    @member.tool(title="Scan for weaknesses", annotations=READS)
    async def security_scan(code_snippet: Snippet, language: LanguageName) -> Scan:
        """Find weaknesses and written-in secrets in a snippet, each with its line and what to do about it. The
        secrets themselves are never repeated."""
        with federation_errors():
            return await snippets.security_scan(code_snippet, language)


def require_pinning() -> None:
    """Return when git can be tied to checked addresses. Raises MissingExtra."""
    said = subprocess.run([git.program(), "version"], capture_output=True, text=True, timeout=10, check=False).stdout
    if not git.can_pin(said):
        raise MissingExtra(f"{NAME} needs git 2.37 or newer, to be sure whom it talks to; found {said.strip()!r}")
