"""The station where an operator asks who owns an id, or gives it to another. Only operators may publish there."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bus import Bus, Instance, Message, codec, headers
from bus.connection import Subscription
from bus.errors import FederationError
from bus.messages import EventKind
from bus.names import ID_PATTERN
from bus.trail import Trail
from bus.validation import validated
from directory.intake import QUEUE
from directory.owners import Owners
from directory.ownership import checked_owner


class Transfer(BaseModel):
    """`{"id"}` asks; `{"id", "owner"}` gives the id to `bus:ID`, `http:NAME`, `key:KID`, or with null to nobody."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, StringConstraints(pattern=ID_PATTERN)]
    owner: Annotated[str, Field(max_length=140)] | None = None


class Transfers:
    """Serves `omega.directory-admin.owner` for this replica's share."""

    def __init__(self, bus: Bus, owners: Owners, trail: Trail) -> None:
        self._bus = bus
        self._owners = owners
        self._trail = trail
        self._subscription: Subscription | None = None

    def start(self) -> None:
        self._subscription = self._bus.listen(self._bus.subjects.owner(), self._on_request, QUEUE)

    async def stop(self) -> None:
        if self._subscription is not None:
            await self._subscription.drain()

    def _on_request(self, message: Message) -> None:
        self._bus.spawn(self._serve(message))

    async def _serve(self, message: Message) -> None:
        try:
            answer = await self._answer(validated(Transfer, codec.decode_object(message.data, message.form)))
            self._bus.respond(message, codec.encode(answer, message.form), {headers.CONTENT_TYPE: message.form})
        except FederationError as exc:
            self._bus.respond_error(message, exc)
            self._trail.tell(EventKind.REJECTED, None, subject=message.subject, code=exc.code, reason=exc.message[:500])

    async def _answer(self, asked: Transfer) -> dict[str, object]:
        if "owner" not in asked.model_fields_set:
            return {"id": asked.id, "owner": await self._owners.known(asked.id)}
        owner = None if asked.owner is None else checked_owner(asked.owner)
        change = await self._owners.give(asked.id, owner)
        if change is not None:
            facts = {"owner": change.after, "was": change.before, "caller": "operator"}
            self._trail.tell(EventKind.OWNER_CHANGED, Instance(asked.id), **facts)
        return {"id": asked.id, "owner": owner, "changed": change is not None}
