"""The Code Analyzer as a member: four tools, their documented shapes, and who keeps the workers."""

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
from members.code_analyzer.cache import cache_for
from members.code_analyzer.report import Analysis
from members.code_analyzer.repository_scan import RepositoryScan
from members.code_analyzer.settings import CodeAnalyzerSettings
from members.code_analyzer.sharing import Progress
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
RepositoryUrl = Annotated[
    str,
    Field(
        description="https URL of a public git repository, as for git clone; where the operator allows it, the "
        "absolute path of a folder on the analyzer's machine."
    ),
]
Ref = Annotated[str, Field(description="Branch, tag or full commit id; the default branch when left out.")]
History = Annotated[
    bool, Field(description="Also read the last commits, and list files that are both complex and often changed.")
]


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
    cache = cache_for(settings.cache_dir, settings.cache_bytes)
    add_repository_tools(member, RepositoryAnalyst(settings, repositories, cache))
    add_snippet_tools(member, SnippetAnalyst(settings, snippets))
    return member


def add_repository_tools(member: Member, repositories: RepositoryAnalyst) -> None:
    """analyze_repo and scan_repo."""

    @member.tool(title="Analyze a repository", annotations=READS_THE_WORLD)
    async def analyze_repo(
        repo_url: RepositoryUrl, ctx: Context, ref: Ref = "", history: History = False
    ) -> AnalysisReply:
        """Read a public git repository and measure it: languages in per cent of code lines, files, lines by kind, a
        complexity score from 0 (straight-line) to 10, the most complex functions, duplication, and issues with file
        and line: complexity, length, repeated and dead code, secrets, dangerous calls, a missing licence.

        Nothing of it is run. An unchanged commit is answered from a cache (`cached`)."""
        with federation_errors():
            return {"analysis": await repositories.analyze(repo_url, teller(ctx), ref=ref, history=history)}

    @member.tool(title="Scan a repository for weaknesses", annotations=READS_THE_WORLD)
    async def scan_repo(repo_url: RepositoryUrl, ctx: Context, ref: Ref = "") -> RepositoryScan:
        """Find weaknesses and written-in secrets in every file of a public git repository, each with its file, line,
        CWE, confidence and what to do about it. Secrets themselves are never repeated, and nothing of it is run."""
        with federation_errors():
            return await repositories.scan(repo_url, teller(ctx), ref=ref)


def teller(ctx: Context) -> Progress:
    """Progress of a repository as progress of a call."""

    async def told(per_cent: float, doing: str) -> None:
        await ctx.report_progress(per_cent, 100, doing)

    return told


def add_snippet_tools(member: Member, snippets: SnippetAnalyst) -> None:
    """refactor and security_scan."""

    @member.tool(title="Suggest refactorings", annotations=READS)
    async def refactor(code_snippet: Snippet, language: LanguageName) -> Refactoring:
        """Suggest how a snippet could be better: each with its rule and, where there is a fix, the lines before and
        after it. The snippet comes back with every safe fix applied, as far as it still parses, and the diff."""
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
