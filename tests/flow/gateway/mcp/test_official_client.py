"""The official Python client finds everything it knows, in each of its modes."""

from __future__ import annotations

import asyncio

import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequestParams, ElicitResult

from gateway import Gateway
from members import Member
from tests.flow.gateway.conftest import SUBJECT, Told
from tests.support.conformance_member import ID
from tests.support.nats import until

MODES = ["auto", "2026-07-28", "legacy"]
NEGOTIATED = {"auto": "2026-07-28", "2026-07-28": "2026-07-28", "legacy": "2025-11-25"}


@pytest.fixture
def url(gateway: Gateway, everything: Member) -> str:
    return f"{gateway.url}/servers/{ID}/mcp"


@pytest.mark.parametrize("mode", MODES)
async def test_it_lists_reads_and_calls(url: str, mode: str) -> None:
    async with Client(url, mode=mode) as client:
        assert client.protocol_version == NEGOTIATED[mode]
        assert len((await client.list_tools()).tools) > 20
        assert {prompt.name for prompt in (await client.list_prompts()).prompts} >= {"test_simple_prompt"}
        assert (await client.read_resource("test://static-text")).contents
        told = await client.call_tool("test_simple_text", {})
        assert told.content[0].text.startswith("This is a simple text")  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", MODES)
async def test_it_is_told_of_progress(url: str, mode: str) -> None:
    steps: list[float] = []

    async def heard(progress: float, _total: float | None, _message: str | None) -> None:
        steps.append(progress)

    async with Client(url, mode=mode) as client:
        await client.call_tool("test_tool_with_progress", {}, progress_callback=heard)
    assert steps == [0, 50, 100]


@pytest.mark.parametrize("mode", MODES)
async def test_it_answers_questions(url: str, mode: str) -> None:
    async def answer(_context: ClientRequestContext, _asked: ElicitRequestParams) -> ElicitResult:
        return ElicitResult(action="accept", content={"name": "Ada"})

    async with Client(url, mode=mode, elicitation_callback=answer) as client:
        told = await client.call_tool("test_input_required_result_elicitation", {})
    assert told.content[0].text == "Hello, Ada!"  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", MODES)
async def test_giving_up_cancels_the_tool(gateway: Gateway, member: Member, told: Told, mode: str) -> None:
    async with Client(f"{gateway.url}/servers/{SUBJECT}/mcp", mode=mode) as client:
        calling = asyncio.create_task(client.call_tool("wait", {}))
        async with asyncio.timeout(5):
            await told.started.wait()
            calling.cancel()
            await told.cancelled.wait()
        await asyncio.gather(calling, return_exceptions=True)
        await until(lambda: gateway.mcp.census.requests == 0)


@pytest.mark.parametrize("mode", MODES)
async def test_an_unknown_member_is_an_error_it_can_tell(gateway: Gateway, everything: Member, mode: str) -> None:
    with pytest.raises(BaseException) as caught:
        async with Client(f"{gateway.url}/servers/nobody/mcp", mode=mode) as client:
            await client.list_tools()
    assert "nobody" in _told(caught.value)


def _told(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return " ".join(_told(one) for one in error.exceptions)
    return str(error) if isinstance(error, MCPError) else repr(error)
