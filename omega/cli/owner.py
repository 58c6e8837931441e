"""`owner`: who owns a member id, and an operator's word on it."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from cyclopts import App, Parameter

from bus import Federation
from bus.errors import DirectoryAway, NoInstance
from bus.names import checked_member
from omega.cli.options import Json
from omega.cli.output import show as show_text
from omega.cli.output import show_json
from omega.cli.reach import Reach
from omega.cli.words import shown
from omega.trouble import WrongUse

owner = App(name="owner", help="Show who owns a member id, or give it to another.", default_parameter=None)

TIMEOUT_S = 12.0
_DEFAULT_REACH = Reach()


@owner.command
async def show(id: str, /, *, json: Json = False, reach: Reach = _DEFAULT_REACH) -> None:
    """Show who owns a member id.

    Parameters
    ----------
    id
        The member's id.
    """
    async with reach.federation() as federation:
        answer = await _ask(federation, {"id": checked_member(id)})
    if json:
        show_json(answer)
    else:
        show_text(shown(f"{id}: {answer['owner'] or 'nobody owns it'}"))


@owner.command(name="set")
async def set_(
    id: str,
    principal: str | None = None,
    /,
    *,
    release: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
    reach: Reach = _DEFAULT_REACH,
) -> None:
    """Give a member id to another owner, or to nobody: for operators.

    Parameters
    ----------
    id
        The member's id.
    principal
        The new owner: bus:ID (credentials of the bus), http:NAME (a caller of the gateways) or key:KID.
    release
        Nobody: the next that proves who it is owns the id.
    """
    if (principal is None) is not release:
        raise WrongUse("owner set: name the new owner, or say --release")
    async with reach.federation() as federation:
        answer = await _ask(federation, {"id": checked_member(id), "owner": principal})
    if json:
        show_json(answer)
    else:
        done = "is owned by" if answer["changed"] else "was owned already by"
        show_text(shown(f"{id} {done} {answer['owner'] or 'nobody'}"))


async def _ask(federation: Federation, asked: dict[str, Any]) -> dict[str, Any]:
    bus = federation.bus
    try:
        reply = await bus.request(bus.subjects.owner(), orjson.dumps(asked), timeout=TIMEOUT_S)
    except NoInstance as exc:
        raise DirectoryAway() from exc
    answer: dict[str, Any] = orjson.loads(reply.data)
    return answer
