"""From request bytes to reply bytes: everything a directory is asked, without any I/O.

A reply asked for again is given again while nothing changed; when only heartbeats moved on, the members found before
are written anew from ready bytes. Anything else is found afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from bus.codec import content_type as form_of
from bus.codec import decode_object, encode
from bus.errors import NotFound, TooLarge
from bus.messages import SelectQuery, ServerQuery, ServersQuery, StatsQuery, TagsQuery, ToolsQuery
from bus.validation import validated
from directory.member import Member
from directory.query import Page, find, page_of, tools_page
from directory.registry import Registry
from directory.replies import Replies, Reply, Stamp
from directory.select import Choice
from directory.splice import listing
from directory.suggest import unknown_member
from directory.text import TextIndex
from directory.view import View

MAX_REPLY_BYTES = 900_000
"""Below the 1 MiB that a NATS server takes as one message, with room for headers."""

Query = TypeVar("Query", bound=BaseModel)
Facts = Callable[[], Mapping[str, Any]]


class Answers:
    """The answers of one replica. Every method is synchronous; for one event loop."""

    def __init__(
        self,
        registry: Registry,
        view: View,
        text: TextIndex,
        facts: Facts = dict,
        *,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        replies: Replies | None = None,
    ) -> None:
        """`facts` gives what `stats` tells beside the registry's own counts: `ready`, `uptime_s` and the like."""
        self._registry = registry
        self._view = view
        self._text = text
        self._facts = facts
        self._max_reply_bytes = max_reply_bytes
        self._replies = Replies() if replies is None else replies
        self._verbs: dict[str, Callable[[bytes, str], Reply]] = {
            "servers": self._servers,
            "search": self._servers,
            "server": self._server,
            "tags": self._tags,
            "tools": self._tools,
        }

    def answer(self, verb: str, data: bytes, content_type: str | None = None) -> bytes:
        """The reply to `omega.directory.<verb>` (`select` has a station of its own), in the form the request came in.

        Raises NotFound (no such verb), UnsupportedMedia, Malformed, InvalidRequest (an unknown parameter too),
        UnknownMember, or TooLarge (a page that is no bus message: ask for a smaller limit).
        """
        form = form_of(content_type)
        key = (verb, form, data)
        held = self._replies.get(key)
        if held is not None and self._true(held):
            return held.body
        if verb == "stats":
            return self._stats(data, form)
        if verb not in self._verbs:
            raise NotFound(f"the directory has no {verb[:64]!r}", details={"verbs": [*self._verbs, "select", "stats"]})
        reply = self._verbs[verb](data, form)
        self._replies.put(key, reply)
        return reply.body

    def select_query(self, data: bytes, content_type: str | None = None) -> SelectQuery:
        """The request body of `select`. Raises UnsupportedMedia, Malformed or InvalidRequest."""
        return _read(SelectQuery, data, form_of(content_type))

    def selected(self, choice: Choice | None, content_type: str | None = None) -> bytes:
        """The reply of `select`: nothing found is an answer too. Raises TooLarge."""
        seconds = choice.response_time_s if choice else None
        answer = {
            "server": self._view.manifest(choice.member) if choice else None,
            "instance": choice.who.instance if choice else None,
            "response_time_ms": None if seconds is None else round(seconds * 1000, 3),
            "considered": choice.considered if choice else 0,
        }
        return self._sized(encode(answer, form_of(content_type)))

    # verbs ------------------------------------------------------------------------------------------------------

    def _servers(self, data: bytes, form: str) -> Reply:
        asked = _read(ServersQuery, data, form)
        page = page_of(find(self._registry, self._text, asked), asked)
        return self._lively(lambda: self._listed(page, form))

    def _server(self, data: bytes, form: str) -> Reply:
        member = self._known(_read(ServerQuery, data, form).id)
        return self._lively(lambda: self._view.data(member, form))

    def _tags(self, data: bytes, form: str) -> Reply:
        counts = self._registry.tag_counts(_read(TagsQuery, data, form).status)
        return self._still(encode({"tags": [{"tag": tag, "count": count} for tag, count in counts]}, form))

    def _tools(self, data: bytes, form: str) -> Reply:
        asked = _read(ToolsQuery, data, form)
        only = None if asked.server is None else self._known(asked.server)
        found = find(self._registry, self._text, asked)
        owners = found if only is None else [only] if only in found else []
        page = tools_page(owners, asked)
        tools = [{"server": owner, **_without_server(tool)} for owner, tool in page.items]
        return self._still(encode({"tools": tools, **page.numbers()}, form))

    def _stats(self, data: bytes, form: str) -> bytes:
        _read(StatsQuery, data, form)
        registry = self._registry
        counts = {
            "members": len(registry),
            "active": registry.count("active"),
            "stale": registry.count("stale"),
            "instances": registry.instances,
            "revision": registry.revision,
            "text_pending": self._text.pending,
            "text_running": self._text.running,
        }
        return encode({**counts, **self._facts()}, form)

    # replies ----------------------------------------------------------------------------------------------------

    def _listed(self, page: Page[Member], form: str) -> bytes:
        cards = [self._view.data(member, form) for member in page.items]
        return listing("servers", cards, page.numbers(), form)

    def _true(self, reply: Reply) -> bool:
        """Whether a held reply is true now; one that only missed heartbeats is made true."""
        stamp = reply.stamp
        if stamp.registry != self._registry.version or stamp.text != self._text.generation:
            return False
        touches = self._view.touches
        if reply.again is not None and reply.touches != touches:
            self._replies.renew(reply, self._sized(reply.again()), touches)
        return True

    def _lively(self, write: Callable[[], bytes]) -> Reply:
        """A reply that shows heartbeats."""
        return Reply(self._sized(write()), self._stamp(), self._view.touches, write)

    def _still(self, body: bytes) -> Reply:
        return Reply(self._sized(body), self._stamp(), 0, None)

    def _stamp(self) -> Stamp:
        return Stamp(self._registry.version, self._text.generation)

    def _sized(self, body: bytes) -> bytes:
        if len(body) > self._max_reply_bytes:
            raise TooLarge(
                f"the reply is {len(body)} bytes, a message holds {self._max_reply_bytes}: ask for a smaller limit",
                details={"field": "limit", "limit": self._max_reply_bytes},
            )
        return body

    def _known(self, member: str) -> Member:
        found = self._registry.get(member)
        if found is None:
            raise unknown_member(member, self._registry.ids())
        return found


def _read(model: type[Query], data: bytes, form: str) -> Query:
    return validated(model, decode_object(data, form))


def _without_server(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tool.items() if name != "server"}
