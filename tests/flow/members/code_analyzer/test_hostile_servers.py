"""Servers that are not there, not git, not honest: each has its own words, and none leads anywhere else."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from members.sandbox.refusals import Failed, Forbidden, Invalid, TooLarge
from tests.flow.members.code_analyzer.analyst import Analyst
from tests.flow.members.code_analyzer.git_server import GitServer, repository, serving
from tests.support.nats import until


def gits() -> list[str]:
    """Command lines of git below this process."""
    return [" ".join(each.cmdline()) for each in psutil.Process().children(recursive=True) if "git" in each.name()]


@pytest.fixture
def other(tmp_path: Path) -> Iterator[GitServer]:
    """A second server, which is on no list."""
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "other") as server:
        repository(server.root / "inner", {"secret.py": "x = 1\n"})
        yield server


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("nothing-here", "not_found"),
        ("private/repo", "not_public"),
        ("web/page", "empty"),
    ],
)
async def test_what_is_no_public_repository_says_so(
    served: GitServer, analyst: Analyst, path: str, reason: str
) -> None:
    with pytest.raises(Failed) as caught:
        await analyst.analyze(served.url(path))
    assert caught.value.details["reason"] == reason


async def test_a_redirect_is_not_followed(served: GitServer, other: GitServer, analyst: Analyst) -> None:
    served.moved_to = f"http://{other.host}"
    with pytest.raises(Failed, match="redirect") as caught:
        await analyst.analyze(served.url("moved/inner"))
    assert caught.value.details["reason"] == "redirected"
    assert other.asked == []


async def test_a_host_that_is_on_no_list_is_refused_before_anything_is_sent(other: GitServer, analyst: Analyst) -> None:
    for url in (f"https://{other.host}/inner", f"https://localhost:{other.server_port}/inner"):
        with pytest.raises(Forbidden, match="private, local or reserved"):
            await analyst.analyze(url)
    assert other.asked == []


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "[::1]", "[fd00:ec2::254]", "[::ffff:127.0.0.1]"])
async def test_inner_addresses_are_refused(analyst: Analyst, host: str) -> None:
    with pytest.raises(Forbidden):
        await analyst.analyze(f"https://{host}/a")


async def test_http_to_a_host_that_is_on_no_list_is_refused(other: GitServer, analyst: Analyst) -> None:
    with pytest.raises(Forbidden, match="https"):
        await analyst.analyze(other.url("inner"))
    with pytest.raises(Forbidden, match="private"):
        await analyst.analyze(other.url("inner"), allow_http=True)
    assert other.asked == []


async def test_a_name_that_leads_inside_is_refused_whatever_else_it_leads_to(analyst: Analyst) -> None:
    async def rebinding(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "127.0.0.1"]

    with pytest.raises(Forbidden):
        await analyst.analyze("https://rebind.example/a", resolver=rebinding)


async def test_git_dials_the_address_that_was_checked_and_asks_no_name_server(
    served: GitServer, analyst: Analyst
) -> None:
    """The name resolves for our resolver only: had git asked again, it would have found nothing."""
    repository(served.root / "project", {"a.py": "x = 1\n"})
    host = f"only-here.invalid:{served.server_port}"

    async def ours(name: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    analysis = await analyst.analyze(f"http://{host}/project", resolver=ours, allowed_hosts=(host,))
    assert analysis["languages"] == {"python": 100}


async def test_a_name_that_does_not_resolve_says_so(analyst: Analyst) -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    with pytest.raises(Failed, match="cannot be resolved") as caught:
        await analyst.analyze("https://no-such-host.example/a", resolver=nowhere)
    assert caught.value.details["reason"] == "unresolved"


async def test_a_name_server_that_never_answers_is_not_waited_for(analyst: Analyst) -> None:
    async def silent(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(Failed, match="cannot be resolved"):
        await analyst.analyze("https://slow.example/a", resolver=silent, resolve_timeout_s=0.1)


async def test_a_server_that_is_not_there_is_unreachable(analyst: Analyst) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Failed) as caught:
            await analyst.analyze(f"http://{host}/a", allowed_hosts=(host,))
    assert caught.value.details["reason"] == "unreachable"


@pytest.mark.parametrize("how", ["silent", "trickle"])
async def test_a_server_that_takes_its_time_is_given_up_in_time(served: GitServer, analyst: Analyst, how: str) -> None:
    begun = time.monotonic()
    with pytest.raises(Failed, match="within the limit of 1 s") as caught:
        await analyst.analyze(served.url(f"{how}/repo"), clone_timeout_s=1)
    assert caught.value.details["reason"] == "time_limit"
    assert time.monotonic() - begun < 5
    assert gits() == []


async def test_a_caller_that_goes_away_ends_the_clone(served: GitServer, analyst: Analyst) -> None:
    call = asyncio.create_task(analyst.analyze(served.url("silent/repo")))
    await until(lambda: served.asked and gits())
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert gits() == []


async def test_credentials_are_refused_and_not_repeated(served: GitServer, analyst: Analyst) -> None:
    with pytest.raises(Invalid, match="credentials") as caught:
        await analyst.analyze(f"http://user:hunter2@{served.host}/a")
    assert "hunter2" not in caught.value.message
    assert served.asked == []


async def test_a_repository_larger_than_the_disk_allows_is_stopped_while_it_comes(
    served: GitServer, analyst: Analyst
) -> None:
    repository(served.root / "huge", {"noise.bin": random.Random(1).randbytes(6_000_000)})
    with pytest.raises(TooLarge, match="1048576 bytes"):
        await analyst.analyze(served.url("huge"), max_clone_bytes=1 << 20)
    assert gits() == []
