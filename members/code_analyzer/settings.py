"""Every limit of the Code Analyzer, with what it costs to move it."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from members.code_analyzer.address import Policy
from members.code_analyzer.thresholds import Thresholds

MIB = 1024 * 1024


class CodeAnalyzerSettings(BaseSettings):
    """Read from `OMEGA_CODE_ANALYZER_…` in the environment; lists as JSON."""

    model_config = SettingsConfigDict(env_prefix="OMEGA_CODE_ANALYZER_", extra="ignore")

    # what may be reached --------------------------------------------------------------------------------------

    allowed_hosts: tuple[str, ...] = ()
    """Hosts, or `host:port`, that may be cloned from whatever their address is, also over http. This is how a
    repository server on loopback or a private network is opened to callers; each entry is a hole in the guard
    against requests into that network, so name the port."""

    only_allowed_hosts: bool = False
    """True closes every other host. The strictest choice, at the expense of listing each server."""

    allow_http: bool = False
    """True also takes http from hosts that are not listed: whoever sits on the way can then change the code."""

    ca_file: Path | None = None
    """Certificates to trust instead of the system's, for servers with a private authority."""

    local_roots: tuple[Path, ...] = ()
    """Folders below which a caller may name a folder of this machine instead of a URL. Whoever can call the tool can
    then read the names, sizes and weaknesses of everything in there; links are never followed."""

    # one repository -------------------------------------------------------------------------------------------

    resolve_timeout_s: float = Field(default=5, gt=0, le=60)
    """How long the host's name may take to resolve."""

    clone_timeout_s: float = Field(default=60, gt=0, le=3600)
    """Whole time of a clone. Higher serves slow servers at the expense of callers that wait on dead ones: one that
    sends next to nothing for half of this time, and for at least 10 s, is given up."""

    analysis_timeout_s: float = Field(default=240, gt=0, le=3600)
    """Time of the measurement after the clone. Count on 10,000 to 20,000 lines per second and core. A caller whose
    own deadline is shorter gets no result at all, so raise both together."""

    max_clone_bytes: int = Field(default=256 * MIB, ge=MIB)
    """Disk that one clone may take, compressed; looked at while it grows. Times the calls served at once, this must
    fit into the temporary directory."""

    max_files: int = Field(default=20_000, ge=1)
    """Entries in the tree, above which a repository is refused before anything is unpacked."""

    max_source_bytes: int = Field(default=160 * MIB, ge=1024)
    """Sum of the files that are measured, above which a repository is refused: it could not be done in time."""

    max_file_bytes: int = Field(default=MIB, ge=1024)
    """A larger file is counted but not measured. Higher reaches big generated files at the expense of time."""

    history_depth: int = Field(default=500, ge=1, le=20_000)
    """Commits that are looked at where history is asked for. More tell more, at the expense of a longer fetch."""

    max_issues: int = Field(default=500, ge=1, le=5000)
    """Issues, suggestions or vulnerabilities in one reply, the worst kept; the number left out is told."""

    # snippets -------------------------------------------------------------------------------------------------

    max_snippet_bytes: int = Field(default=256 * 1024, ge=1024, le=4 * MIB)
    """Larger snippets are refused."""

    snippet_timeout_s: float = Field(default=20, gt=0, le=600)
    """Time for one refactor or security_scan."""

    # what counts as too much ----------------------------------------------------------------------------------

    max_complexity: int = Field(default=10, ge=1)
    """Cyclomatic complexity above which a function is an issue: medium, and high above twice this."""

    max_function_lines: int = Field(default=60, ge=1)
    """Lines of code (no comments, no blanks) above which a function is an issue: low, and medium above twice this."""

    max_parameters: int = Field(default=5, ge=1)
    """Parameters above which a function is an issue."""

    min_clone_tokens: int = Field(default=100, ge=30, le=1000)
    """Tokens that must be equal in two places to be told as duplication. Fewer find more, chance included."""

    # what it remembers ----------------------------------------------------------------------------------------

    cache_dir: Path | None = None
    """Where answers about unchanged commits are kept, shared by all instances that are given the same folder and by
    whoever can read it; in memory, until the process ends, when not set."""

    cache_bytes: int = Field(default=64 * MIB, ge=0)
    """Size of that memory or folder; the least recently used goes first. 0 remembers nothing."""

    # what it may use ------------------------------------------------------------------------------------------

    repository_workers: int = Field(default=min(4, os.cpu_count() or 1), ge=1, le=64)
    """Processes that share one repository's files; a second repository waits for them."""

    snippet_workers: int = Field(default=2, ge=1, le=64)
    """Processes for snippets, so that those never wait for a repository."""

    worker_memory_bytes: int = Field(default=2048 * MIB, ge=512 * MIB)
    """Address space of one worker and of one git; beyond it the input is refused, not the machine brought down."""

    scratch_dir: Path | None = None
    """Where clones live while they are looked at; the system's temporary directory when not set."""


def policy(settings: CodeAnalyzerSettings) -> Policy:
    """Which servers may be cloned from."""
    return Policy(frozenset(settings.allowed_hosts), settings.only_allowed_hosts, settings.allow_http)


def thresholds(settings: CodeAnalyzerSettings) -> Thresholds:
    """What counts as too much."""
    return Thresholds(settings.max_complexity, settings.max_function_lines, settings.max_parameters)
