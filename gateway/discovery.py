"""Discovery over HTTP: each path is one question to the directory, and its bytes come back with `endpoints` filled."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bus.access import Principal
from bus.messages import ServersQuery, TagsQuery
from gateway.access.visible import Visible
from gateway.border import json_answer
from gateway.endpoints import Addresses, Memo
from gateway.inquiry import Inquiry
from gateway.operations import OF_A_MEMBER, READS, Answer, operation
from gateway.shapes import MemberPath, Members, MemberView, Tags

ROOT = "/mcp/resources/omega/directory"
TAG = "discovery"


class Discovery:
    """The reading side of the directory."""

    def __init__(self, inquiry: Inquiry, addresses: Addresses) -> None:
        self._visible = Visible(inquiry)
        self._fill_page = Memo(addresses.fill_page)
        self._fill_member = Memo(addresses.fill_member)

    @operation("GET", f"{ROOT}/servers", tag=TAG, answers={200: Answer(Members)}, refusals=READS)
    async def list_servers(self, query: ServersQuery, caller: Principal) -> web.Response:
        """The members, one page.

        Those that the caller may see, active ones unless `status` says otherwise. Every condition must hold; `tag`,
        `capability` and `without_tag` may be repeated. With `q` the best match comes first.
        """
        return await self._page("servers", query, caller)

    @operation("GET", f"{ROOT}/search", tag=TAG, answers={200: Answer(Members)}, refusals=READS)
    async def search_servers(self, query: ServersQuery, caller: Principal) -> web.Response:
        """Members by tag, capability, words, version.

        Tags and capabilities match exactly; `q` is ranked and forgives typing errors. Nothing found is an empty page.
        """
        return await self._page("search", query, caller)

    @operation(
        "GET", f"{ROOT}/servers/{{id}}", tag=TAG, answers={200: Answer(MemberView)}, refusals=(*READS, *OF_A_MEMBER)
    )
    async def get_server(self, path: MemberPath, caller: Principal) -> web.Response:
        """One member's manifest."""
        return json_answer(self._fill_member(await self._visible.member(path.id, caller.scopes)))

    @operation("GET", f"{ROOT}/tags", tag=TAG, answers={200: Answer(Tags)}, refusals=READS)
    async def list_tags(self, query: TagsQuery, caller: Principal) -> web.Response:
        """Every tag with its number of members."""
        return json_answer(await self._visible.tags(_asked(query), caller.scopes))

    async def _page(self, verb: str, query: ServersQuery, caller: Principal) -> web.Response:
        return json_answer(self._fill_page(await self._visible.page(verb, _asked(query), caller.scopes)))


def _asked(query: ServersQuery | TagsQuery) -> dict[str, Any]:
    return query.model_dump(mode="json", exclude_defaults=True)
