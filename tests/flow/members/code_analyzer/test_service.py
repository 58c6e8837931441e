"""The Code Analyzer in a federation: its manifest, its documented replies, its words for bad input."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from bus import BusSettings, CallOptions, Federation
from bus.errors import FederationError, InvalidArguments, NotAllowed, TooLarge, ToolError
from members.code_analyzer.service import NEEDED, build
from members.code_analyzer.settings import CodeAnalyzerSettings
from members.sandbox.extras import MissingExtra
from tests.flow.members.code_analyzer.git_server import GitServer, repository
from tests.support.federation import running_member

ID = "code_analyzer_fastmcp"
PATIENT = CallOptions(timeout=50)


@pytest.fixture
async def analyzer(federation: Federation, settings: BusSettings, served: GitServer) -> AsyncIterator[Federation]:
    """A federation whose Code Analyzer may talk to the git server of the test."""
    repository(served.root / "project", {"a.py": "import os\nx = 1\n", "b.js": "let x = 1;\n"})
    repository(served.root / "huge", {f"{n}.txt": f"{n}\n" for n in range(41)})
    own = CodeAnalyzerSettings(
        allowed_hosts=(served.host,), max_files=40, repository_workers=1, snippet_workers=1, clone_timeout_s=5
    )
    async with running_member(build(own), settings):
        yield federation


async def test_its_manifest_is_the_documented_one(analyzer: Federation) -> None:
    manifest = await analyzer.server(ID)
    assert (manifest["name"], manifest["version"], manifest["status"]) == ("Code Analyzer", "1.0.0", "active")
    assert manifest["capabilities"] == ["code_analysis", "refactoring", "security_scan", "repo.read"]
    assert manifest["tags"] == ["code", "analysis", "security"]
    tools = {tool["name"]: tool for tool in manifest["tools"]}
    assert {name: tool["inputSchema"]["required"] for name, tool in tools.items()} == {
        "analyze_repo": ["repo_url"],
        "scan_repo": ["repo_url"],
        "refactor": ["code_snippet", "language"],
        "security_scan": ["code_snippet", "language"],
    }
    assert all(tool["outputSchema"] and tool["annotations"]["readOnlyHint"] for tool in tools.values())


async def test_analyze_repo_answers_in_the_documented_shape_and_tells_its_progress(
    analyzer: Federation, served: GitServer
) -> None:
    told: list[dict[str, Any]] = []
    options = CallOptions(timeout=50, on_event=lambda event: told.append(orjson.loads(event)["params"]))
    reply = await analyzer.call(ID, "analyze_repo", {"repo_url": served.url("project")}, options)
    analysis = reply["analysis"]
    assert analysis["languages"] == {"javascript": 50, "python": 50} or sum(analysis["languages"].values()) == 100
    assert (analysis["total_files"], analysis["total_lines"]) == (2, 3)
    assert isinstance(analysis["complexity_score"], float)
    assert [each["type"] for each in analysis["issues"]] == ["missing_licence", "unused_import"]
    assert analysis["issues"][1:] == [
        {
            "type": "unused_import",
            "severity": "low",
            "file": "a.py",
            "line": 1,
            "message": "`os` imported but unused (F401)",
        }
    ]
    assert told[0]["progress"] == 0
    assert told[-1]["progress"] > 90
    assert all(each["total"] == 100 for each in told)


async def test_refactor_answers_the_documented_sample(analyzer: Federation) -> None:
    code = 'def hello():\n    print("world")'
    reply = await analyzer.call(ID, "refactor", {"code_snippet": code, "language": "python"}, PATIENT)
    assert reply == {"suggestions": [], "refactored_code": code, "diff": ""}


async def test_security_scan_answers_the_documented_sample(analyzer: Federation) -> None:
    arguments = {"code_snippet": 'import os\npassword = "hardcoded"', "language": "python"}
    reply = await analyzer.call(ID, "security_scan", arguments, PATIENT)
    assert set(reply) == {"vulnerabilities"}
    (found,) = reply["vulnerabilities"]
    assert (found["type"], found["severity"], found["line"]) == ("hardcoded_secret", "high", 2)
    assert found["message"]
    assert found["recommendation"]


BAD: list[tuple[str, str, dict[str, Any], type[FederationError], str]] = [
    ("no repository URL", "analyze_repo", {"repo_url": "nonsense"}, InvalidArguments, "not a URL"),
    ("an empty URL", "analyze_repo", {"repo_url": ""}, InvalidArguments, "empty"),
    ("an option", "analyze_repo", {"repo_url": "--upload-pack=x"}, InvalidArguments, "option"),
    ("credentials", "analyze_repo", {"repo_url": "https://u:hunter2@example.org/a"}, InvalidArguments, "credentials"),
    ("a file URL", "analyze_repo", {"repo_url": "file:///etc"}, NotAllowed, "only https"),
    ("an ext URL", "analyze_repo", {"repo_url": "ext::sh -c id"}, InvalidArguments, "blanks"),
    ("plain http", "analyze_repo", {"repo_url": "http://example.org/a"}, NotAllowed, "use https"),
    ("a private host", "analyze_repo", {"repo_url": "https://10.0.0.1/a"}, NotAllowed, "private"),
    ("the metadata address", "analyze_repo", {"repo_url": "https://169.254.169.254/latest"}, NotAllowed, "private"),
    ("a huge repository", "analyze_repo", {"repo_url": "SERVER/huge"}, TooLarge, "more than 40 files"),
    ("an unknown repository", "analyze_repo", {"repo_url": "SERVER/nothing"}, ToolError, "no repository"),
    ("no git server", "analyze_repo", {"repo_url": "SERVER/web/page"}, ToolError, "no git repository"),
    ("a server that redirects", "analyze_repo", {"repo_url": "SERVER/moved/x"}, ToolError, "redirect"),
    ("a server that hangs", "analyze_repo", {"repo_url": "SERVER/silent/x"}, ToolError, "limit of 5 s"),
    ("an option for a ref", "analyze_repo", {"repo_url": "SERVER/project", "ref": "--x"}, InvalidArguments, "ref"),
    ("an unknown branch", "analyze_repo", {"repo_url": "SERVER/project", "ref": "x"}, ToolError, "no branch or tag"),
    ("no flag", "analyze_repo", {"repo_url": "SERVER/project", "history": "perhaps"}, InvalidArguments, "history"),
    ("a local folder", "analyze_repo", {"repo_url": "/etc"}, NotAllowed, "only https"),
    ("a local folder to scan", "scan_repo", {"repo_url": "/etc"}, NotAllowed, "only https"),
    ("a private host to scan", "scan_repo", {"repo_url": "https://10.0.0.1/a"}, NotAllowed, "private"),
    ("a huge repository to scan", "scan_repo", {"repo_url": "SERVER/huge"}, TooLarge, "more than 40 files"),
    ("no argument", "analyze_repo", {}, InvalidArguments, "repo_url"),
    ("a number", "analyze_repo", {"repo_url": 3}, InvalidArguments, "repo_url"),
    ("an unknown language", "refactor", {"code_snippet": "x", "language": "klingon"}, InvalidArguments, "Known here"),
    ("a misspelt language", "security_scan", {"code_snippet": "x", "language": "pyton"}, InvalidArguments, "python"),
    ("an empty snippet", "refactor", {"code_snippet": " ", "language": "python"}, InvalidArguments, "empty"),
    ("a huge snippet", "refactor", {"code_snippet": "x" * 300_000, "language": "c"}, TooLarge, "at most 262144"),
    ("broken Python", "refactor", {"code_snippet": "x = 1\ny = (", "language": "python"}, InvalidArguments, "line 2"),
    ("broken Python to scan", "security_scan", {"code_snippet": "x = = 'hunter2'", "language": "python"},
     InvalidArguments, "line 1"),
]  # fmt: skip


@pytest.mark.parametrize("row", BAD, ids=[row[0] for row in BAD])
async def test_bad_input_fails_in_words(
    analyzer: Federation, served: GitServer, row: tuple[str, str, dict[str, Any], type[FederationError], str]
) -> None:
    _, tool, arguments, error, words = row
    arguments = {
        name: value.replace("SERVER", f"http://{served.host}") if isinstance(value, str) else value
        for name, value in arguments.items()
    }
    with pytest.raises(error, match=words) as caught:
        await analyzer.call(ID, tool, arguments, PATIENT)
    assert "hunter2" not in str(caught.value.body())


@pytest.mark.parametrize("module", NEEDED)
def test_a_missing_engine_is_told_when_the_member_is_built(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"{module}: install omega-federation\[code\]"):
        build()


def test_missing_git_is_told_when_the_member_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtra, match="git"):
        build()


def test_without_the_engines_the_service_can_still_be_imported() -> None:
    blocked = "".join(f"sys.modules[{name!r}] = None\n" for name in NEEDED)
    program = f"import sys\n{blocked}import members, members.code_analyzer.service\nprint('imported')"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=50)
    assert ended.stdout.strip() == "imported", ended.stderr
