"""The station where questions arrive: `omega.directory.<verb>`, answered from this replica's index.

Everything but `select` is answered at once, inside the read loop; `select` may first have to ask its candidates how
quickly they answer.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog

from bus import Bus, Message, codec, headers
from bus.connection import Subscription
from bus.errors import FederationError, Internal
from bus.message import HeaderBlock, encode_headers
from bus.messages import SelectQuery
from bus.micro import Endpoint
from bus.subjects import DIRECTORY_VERBS
from directory.answers import Answers
from directory.index import Index
from directory.intake import LAST_ANSWERS_S, QUEUE
from directory.select import Choice, candidates, choose
from directory.times import ResponseTimes

log = structlog.get_logger(__name__)


class Discovery:
    """Serves the directory's questions for this replica's share of them."""

    def __init__(self, bus: Bus, index: Index, answers: Answers) -> None:
        self._bus = bus
        self._index = index
        self._answers = answers
        self._times = ResponseTimes(bus)
        self._subscriptions: list[Subscription] = []
        self._selecting: set[asyncio.Task[None]] = set()
        self.endpoints = {verb: Endpoint(verb, bus.subjects.directory(verb), QUEUE) for verb in DIRECTORY_VERBS}

    def start(self) -> None:
        for verb, endpoint in self.endpoints.items():
            handler = self._on_select if verb == "select" else self._answering(verb, endpoint)
            self._subscriptions.append(self._bus.listen(endpoint.subject, handler, QUEUE))

    async def stop(self) -> None:
        """Take no more, and answer what was taken: the other replicas have not seen it."""
        for subscription in self._subscriptions:
            await subscription.drain()
        if self._selecting:
            await asyncio.wait(self._selecting, timeout=LAST_ANSWERS_S)

    def _answering(self, verb: str, endpoint: Endpoint) -> Any:
        def answer(message: Message) -> None:
            started = time.perf_counter()
            try:
                form = message.form
                self._bus.respond(message, self._answers.answer(verb, message.data, form), _SENT[form])
                endpoint.count(started)
            except FederationError as exc:
                self._bus.respond_error(message, exc)
                endpoint.count(started, exc.code)

        return answer

    def _on_select(self, message: Message) -> None:
        task = self._bus.spawn(self._select(message))
        self._selecting.add(task)
        task.add_done_callback(self._selecting.discard)

    async def _select(self, message: Message) -> None:
        started = time.perf_counter()
        endpoint = self.endpoints["select"]
        try:
            form = message.form
            choice = await self._choice(self._answers.select_query(message.data, form))
            self._bus.respond(message, self._answers.selected(choice, form), _SENT[form])
            endpoint.count(started)
        except FederationError as exc:
            self._bus.respond_error(message, exc)
            endpoint.count(started, exc.code)
        except Exception:
            log.exception("select_failed")
            self._bus.respond_error(message, Internal())

    async def _choice(self, wanted: SelectQuery) -> Choice | None:
        shortlist = candidates(self._index.registry, self._index.leases, self._index.text, wanted)
        asked = [one.who for one in shortlist.top]
        return choose(shortlist, await self._times.of(asked) if len(asked) > 1 else {})


_SENT = {form: HeaderBlock(encode_headers({headers.CONTENT_TYPE: form})) for form in (codec.JSON, codec.MSGPACK)}
