"""Members' prompts and resources, and the directory's, as the federation's own."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from mcp.server import MCPServer
from mcp_types import ResourceLink

from bus import BusSettings, Federation
from members import Fanout, Member
from tests.flow.gateway.federation.conftest import telling
from tests.support.aggregate import Asking
from tests.support.federation import manifest, running_member
from tests.support.nats import until


async def test_prompts_are_listed_and_had_under_their_members_names(ask: Asking) -> None:
    assert [prompt["name"] for prompt in (await ask("prompts/list"))["prompts"]] == ["alpha__greet", "beta__greet"]
    told = await ask("prompts/get", {"name": "beta__greet", "arguments": {"name": "Ada"}})
    assert told["messages"][0]["content"]["text"] == "beta greets Ada"
    assert (await ask.error("prompts/get", {"name": "nobody__greet"}))["code"] == -32602


async def test_resources_are_listed_and_read_under_their_members_uris(ask: Asking) -> None:
    uris = [resource["uri"] for resource in await ask.all("resources/list", "resources")]
    assert uris == [
        "omega://directory/servers",
        "omega://member/alpha/note://static",
        "omega://member/beta/note://static",
    ]
    told = (await ask("resources/read", {"uri": uris[2]}))["contents"][0]
    assert (told["uri"], told["text"]) == (uris[2], "note of beta")


async def test_a_template_is_expanded_as_if_it_were_the_members_own(ask: Asking) -> None:
    templates = [one["uriTemplate"] for one in await ask.all("resources/templates/list", "resourceTemplates")]
    assert templates == [
        "omega://directory/servers/{id}",
        "omega://directory/search{?tag,capability,q}",
        "omega://member/alpha/memory://{name}",
        "omega://member/beta/memory://{name}",
    ]
    told = (await ask("resources/read", {"uri": "omega://member/alpha/memory://ada"}))["contents"][0]
    assert told["text"] == "alpha about ada"


async def test_what_does_not_exist_is_not_found(ask: Asking) -> None:
    for uri in ("omega://member/nobody/note://static", "note://static", "omega://directory/no", "omega://member/"):
        assert (await ask.error("resources/read", {"uri": uri}))["code"] == -32602
    assert (await ask.error("resources/read", {"uri": "omega://member/alpha/note://missing"}))["code"] == -32602


async def test_a_prompt_whose_name_no_client_takes_is_had_all_the_same(ask: Asking, settings: BusSettings) -> None:
    odd = telling("odd")

    @odd.mcp.prompt(name="of two words")
    async def of_two_words() -> str:
        return "understood"

    async with running_member(odd, settings):
        await until(lambda: ask.aggregate.catalogue.get("odd"), within=2)
        names = [prompt["name"] for prompt in (await ask("prompts/list"))["prompts"]]
        name = next(name for name in names if name.startswith("odd__of_two_words__"))
        told = await ask("prompts/get", {"name": name})
        assert told["messages"][0]["content"]["text"] == "understood"


async def test_links_in_results_lead_through_the_federation(ask: Asking, settings: BusSettings) -> None:
    linking = telling("linking")

    @linking.tool
    async def link() -> list[ResourceLink]:
        """Point at things."""
        return [ResourceLink(name=uri, uri=uri) for uri in ("note://static", "https://example.org/a")]

    async with running_member(linking, settings):
        links = (await ask.call("linking__link"))["content"]
        assert [one["uri"] for one in links] == ["omega://member/linking/note://static", "https://example.org/a"]
        assert (await ask("resources/read", {"uri": links[0]["uri"]}))["contents"][0]["text"] == "note of linking"


async def test_completion_goes_to_whose_prompt_or_template_it_is(ask: Asking, settings: BusSettings) -> None:
    server = MCPServer("completing", subscriptions=Fanout(), log_level="WARNING")

    @server.prompt()
    async def greet(name: str) -> str:
        return name

    @server.completion()
    async def complete(ref: Any, argument: Any, context: Any) -> Any:
        kind = getattr(ref, "name", None) or getattr(ref, "uri", None)
        return {"values": [f"{kind}/{argument.value}"]}

    async with running_member(Member("completing", server=server), settings):
        await until(lambda: ask.aggregate.catalogue.get("completing"), within=2)
        argument = {"name": "name", "value": "A"}
        ref: dict[str, str] = {"type": "ref/prompt", "name": "completing__greet"}
        told = await ask("completion/complete", {"ref": ref, "argument": argument})
        assert told["completion"]["values"] == ["greet/A"]
        ref = {"type": "ref/resource", "uri": "omega://member/completing/memory://{name}"}
        told = await ask("completion/complete", {"ref": ref, "argument": argument})
        assert told["completion"]["values"] == ["memory://{name}/A"]


async def read(ask: Asking, uri: str) -> Any:
    content = (await ask("resources/read", {"uri": uri}))["contents"][0]
    assert (content["uri"], content["mimeType"]) == (uri, "application/json")
    return orjson.loads(content["text"])


async def test_the_directory_is_a_resource(ask: Asking) -> None:
    servers = await read(ask, "omega://directory/servers")
    assert [server["id"] for server in servers["servers"]] == ["alpha", "beta"]
    assert servers["servers"][0]["endpoints"]["mcp"] == "http://gateway/servers/alpha/mcp"
    assert (await read(ask, "omega://directory/servers/beta"))["id"] == "beta"
    assert (await read(ask, "omega://directory/servers?limit=1&page=2"))["servers"][0]["id"] == "beta"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tag=first", ["alpha"]),
        ("tag=telling,first", ["alpha"]),
        ("tag=telling&tag=first", ["alpha"]),
        ("capability=second", ["beta"]),
        ("tag=first&capability=second", []),
        ("q=beta", ["beta"]),
        ("tag=a%2Cb", []),
    ],
)
async def test_the_directory_is_searched_by_uri(ask: Asking, query: str, found: list[str]) -> None:
    async def as_found() -> bool:  # ranked text is a moment behind
        return [one["id"] for one in (await read(ask, f"omega://directory/search?{query}"))["servers"]] == found

    await until(as_found)


async def test_a_parameter_the_directory_does_not_know_is_refused(ask: Asking) -> None:
    for query in ("tags=first", "q=a&q=b", "limit=0"):
        assert (await ask.error("resources/read", {"uri": f"omega://directory/search?{query}"}))["code"] == -32602


async def test_a_scope_holds_for_resources_too(ask: Asking) -> None:
    beta = ask.at(server="beta")
    assert [one["id"] for one in (await read(beta, "omega://directory/servers"))["servers"]] == ["beta"]
    assert (await read(ask.at(tag="first"), "omega://directory/search?tag=telling"))["servers"][0]["id"] == "alpha"
    assert (await beta.error("resources/read", {"uri": "omega://directory/servers/alpha"}))["code"] == -32602
    assert (await beta.error("resources/read", {"uri": "omega://member/alpha/note://static"}))["code"] == -32602
    assert [prompt["name"] for prompt in (await beta("prompts/list"))["prompts"]] == ["beta__greet"]


async def test_a_member_of_the_registry_alone_has_no_lists_and_holds_up_nobodys(
    ask: Asking, federation: Federation
) -> None:
    await federation.register(manifest("elsewhere"))
    await until(lambda: ask.aggregate.catalogue.get("elsewhere"), within=2)
    assert len((await ask("prompts/list"))["prompts"]) == 2


async def test_discovery_tells_how_to_use_a_federation(ask: Asking) -> None:
    told = await ask("server/discover")
    assert told["supportedVersions"] == ["2026-07-28"]
    assert told["capabilities"]["resources"] == {"subscribe": True, "listChanged": True}
    assert "search_tools" in told["instructions"]
