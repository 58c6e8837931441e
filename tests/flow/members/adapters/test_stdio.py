"""Servers that are not ours, started as children, are members like any other: listed, called, restarted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from bus import CallOptions, Federation
from bus.errors import FederationError, MemberLost, NoInstance, UnknownMember
from members.adapters import Joined
from members.adapters.stdio import StdioLink
from tests.flow.members.adapters.conftest import QUICK, Joining, stdio
from tests.support import mcp
from tests.support.nats import until
from tests.support.strangers import node_server, python_server

pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True)
class Stranger:
    """A server and one thing it can do, and one it refuses."""

    command: Callable[[Path], tuple[str, ...]]
    tool: str
    arguments: Callable[[Path], dict[str, Any]]
    answer: str
    wrong: tuple[str, dict[str, Any]]


def _repository(folder: Path) -> Path:
    if not (folder / ".git").exists():
        subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


STRANGERS = {
    "everything": Stranger(
        lambda _: node_server("everything", "stdio"),
        "echo",
        lambda _: {"message": "hello"},
        "hello",
        ("get-sum", {"a": "x"}),
    ),
    "filesystem": Stranger(
        lambda folder: node_server("filesystem", str(folder)),
        "list_directory",
        lambda folder: {"path": str(folder)},
        "",
        ("read_text_file", {"path": "/etc/hostname"}),
    ),
    "memory": Stranger(
        lambda _: node_server("memory"),
        "read_graph",
        lambda _: {},
        "entities",
        ("add_observations", {"observations": [{"entityName": "nobody", "contents": ["x"]}]}),
    ),
    "git": Stranger(
        lambda folder: python_server("mcp_server_git", "--repository", str(_repository(folder))),
        "git_status",
        lambda folder: {"repo_path": str(folder)},
        "No commits yet",
        ("git_show", {"repo_path": "/nowhere", "revision": "HEAD"}),
    ),
    "time": Stranger(
        lambda _: python_server("mcp_server_time", "--local-timezone", "Europe/Berlin"),
        "get_current_time",
        lambda _: {"timezone": "Europe/Berlin"},
        "Europe/Berlin",
        ("get_current_time", {"timezone": "Nowhere/Land"}),
    ),
}


def child_of(joined: Joined) -> int:
    session = joined.upstream._session
    assert session is not None
    link = session.link
    assert isinstance(link, StdioLink)
    return link.pid


@pytest.mark.parametrize("name", STRANGERS)
async def test_a_server_not_ours_is_listed_called_refuses_crashes_and_recovers(
    name: str, federation: Federation, join: Joining, tmp_path: Path
) -> None:
    stranger = STRANGERS[name]
    async with join(name, stdio(stranger.command(tmp_path))) as joined:
        shown = await federation.server(name)
        assert shown["tags"] == ["joined"]
        assert stranger.tool in {tool["name"] for tool in shown["tools"]}
        listed = mcp.result(await federation.mcp(mcp.request(name, "tools/list")))
        assert {tool["name"] for tool in listed["tools"]} == {tool["name"] for tool in shown["tools"]}

        called = mcp.call(name, stranger.tool, stranger.arguments(tmp_path))
        assert stranger.answer in orjson.dumps(mcp.result(await federation.mcp(called))).decode()
        assert await federation.call(name, stranger.tool, stranger.arguments(tmp_path))

        tool, wrong = stranger.wrong
        told = orjson.loads((await federation.mcp(mcp.call(name, tool, wrong))).data)
        assert "error" in told or told["result"]["isError"]
        with pytest.raises(FederationError):
            await federation.call(name, tool, wrong)

        dead = child_of(joined)
        os.kill(dead, signal.SIGKILL)
        async with asyncio.timeout(60):
            await joined.upstream.down.wait()
            await joined.upstream.up.wait()
        assert child_of(joined) != dead
        assert stranger.answer in orjson.dumps(mcp.result(await federation.mcp(called))).decode()
    await until(lambda: not psutil.pid_exists(dead))


async def test_many_calls_share_the_one_child(federation: Federation, join: Joining) -> None:
    async with join("everything", stdio(node_server("everything", "stdio"))) as joined:
        child = child_of(joined)
        calls = [federation.mcp(mcp.call("everything", "get-sum", {"a": n, "b": 1})) for n in range(50)]
        answers = [mcp.result(answer)["content"][0]["text"] for answer in await asyncio.gather(*calls)]
        assert [f" {n + 1}." in answer for n, answer in enumerate(answers)] == [True] * 50
        assert child_of(joined) == child


async def test_progress_comes_under_each_callers_own_token(federation: Federation, join: Joining) -> None:
    async with join("everything", stdio(node_server("everything", "stdio"))):

        async def run(token: str) -> list[dict[str, Any]]:
            heard: list[dict[str, Any]] = []
            options = CallOptions(on_event=lambda event: heard.append(orjson.loads(event)))
            slow = mcp.call(
                "everything", "trigger-long-running-operation", {"duration": 0.3, "steps": 3},
                meta={"progressToken": token},
            )  # fmt: skip
            mcp.result(await federation.mcp(slow, options))
            return [event for event in heard if event["method"] == "notifications/progress"]

        one, two = await asyncio.gather(run("a"), run("b"))
        assert {event["params"]["progressToken"] for event in one} == {"a"}
        assert {event["params"]["progressToken"] for event in two} == {"b"}
        assert len(one) == len(two) == 3


async def test_resources_prompts_completion_and_instructions_are_carried_through(
    federation: Federation, join: Joining
) -> None:
    async def ask(method: str, params: dict[str, Any] | None = None, name: str | None = None) -> dict[str, Any]:
        return mcp.result(await federation.mcp(mcp.request("everything", method, params, name=name)))

    async with join("everything", stdio(node_server("everything", "stdio"))):
        said = await ask("server/discover")
        assert said["instructions"]
        assert {"tools", "resources", "prompts", "completions"} <= said["capabilities"].keys()
        resources = (await ask("resources/list"))["resources"]
        uri = resources[0]["uri"]
        assert (await ask("resources/read", {"uri": uri}, uri))["contents"]
        assert (await ask("resources/templates/list"))["resourceTemplates"]
        prompts = {prompt["name"] for prompt in (await ask("prompts/list"))["prompts"]}
        assert "simple-prompt" in prompts
        assert (await ask("prompts/get", {"name": "simple-prompt"}, "simple-prompt"))["messages"]
        wish = {
            "ref": {"type": "ref/prompt", "name": "completable-prompt"},
            "argument": {"name": "department", "value": "E"},
        }
        assert (await ask("completion/complete", wish))["completion"]["values"]


async def test_a_resource_that_is_not_there_has_the_new_code(federation: Federation, join: Joining) -> None:
    async with join("everything", stdio(node_server("everything", "stdio"))):
        uri = "demo://nothing/here"
        told = await federation.mcp(mcp.request("everything", "resources/read", {"uri": uri}, name=uri))
        assert mcp.error(told)["code"] == -32602


async def test_a_call_in_the_middle_of_a_crash_has_an_unknown_outcome(federation: Federation, join: Joining) -> None:
    async with join("everything", stdio(node_server("everything", "stdio"))) as joined:
        begun = asyncio.Event()
        slow = mcp.call(
            "everything", "trigger-long-running-operation", {"duration": 20, "steps": 200},
            meta={"progressToken": "p"},
        )  # fmt: skip
        calling = asyncio.create_task(federation.mcp(slow, CallOptions(on_event=lambda _: begun.set())))
        async with asyncio.timeout(10):
            await begun.wait()
        os.kill(child_of(joined), signal.SIGKILL)
        async with asyncio.timeout(5):
            told = mcp.error(await calling)
        assert (told["data"]["code"], told["data"]["retryable"]) == (MemberLost.code, False)


async def test_a_server_that_stays_away_leaves_and_comes_back_by_itself(
    federation: Federation, join: Joining, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    command = ("/bin/sh", "-c", 'test -e "$GATE" && exec "$@"', "sh", *node_server("everything", "stdio"))
    rules = replace(QUICK, absent_after_s=0.5)
    async with join("everything", stdio(command, GATE=str(gate)), rules) as joined:
        gate.unlink()
        os.kill(child_of(joined), signal.SIGKILL)
        async with asyncio.timeout(5):
            await joined.upstream.down.wait()
        with pytest.raises(NoInstance, match="away"):
            async with asyncio.timeout(1):
                await federation.call("everything", "echo", {"message": "x"})

        async def gone() -> bool:
            try:
                return (await federation.server("everything"))["status"] != "active"
            except UnknownMember:
                return True

        await until(gone, within=10)
        gate.touch()
        async with asyncio.timeout(20):
            await joined.present.wait()
        assert (await federation.server("everything"))["status"] == "active"
        assert await federation.call("everything", "echo", {"message": "back"})


async def test_nothing_of_a_servers_group_outlives_the_member(federation: Federation, join: Joining) -> None:
    command = ("/bin/sh", "-c", 'sleep 1000 & exec "$@"', "sh", *node_server("everything", "stdio"))
    async with join("everything", stdio(command)) as joined:
        child = psutil.Process(child_of(joined))
        group = [child, *child.children(recursive=True)]
        assert len(group) > 1
    await until(lambda: not any(process.is_running() for process in group), within=10)


async def test_a_child_sees_only_the_environment_it_is_given(
    federation: Federation, join: Joining, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "of ours")
    async with join("everything", stdio(node_server("everything", "stdio"), GIVEN="yes")):
        told = orjson.dumps(await federation.call("everything", "get-env", {})).decode()
        assert "GIVEN" in told
        assert "A_SECRET" not in told
