"""`token`: the API keys that gateways let in. A key is shown once, when it is made; what is stored cannot be used."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import RenderableType
from rich.text import Text

from bus import Bus
from bus.access import Scopes
from bus.apikeys import KEY_BYTES, KeyRecord, hashed, lifetime, minted
from bus.errors import Conflict
from bus.keystore import KeyStore, StoredKey
from bus.messages import EventKind
from bus.trail import Trail
from bus.validation import validated
from omega.cli.errors import naming_errors
from omega.cli.options import Json
from omega.cli.output import note, show, show_json
from omega.cli.reach import Reach
from omega.cli.tables import plain_table
from omega.cli.words import shown
from omega.trouble import WrongUse

token = App(name="token", help="Make, list and revoke the API keys that gateways let in.", default_parameter=None)

_DEFAULT_REACH = Reach()
Scope = Annotated[tuple[str, ...], Parameter(name="--scope", negative="", consume_multiple=False)]


@token.command
async def create(
    name: str,
    /,
    *,
    scope: Scope = (),
    expires: str = "90d",
    rotate: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
    reach: Reach = _DEFAULT_REACH,
) -> None:
    """Make an API key and print it, once: it is stored nowhere.

    Parameters
    ----------
    name
        Whom the key is for: 1 to 64 letters, digits, '.', '_' or '-'. Tools and the audit trail see it.
    scope
        What it may: discover, call, register, observe or admin; narrowed as in call:member=ID, call:tag=T,
        call:tool=ID/TOOL, register:prefix=P. Several times for several.
    expires
        Until when it holds: 12h, 30d, 8w, or never.
    rotate
        Make one more key for a name that has one. Revoke the old one by its id when nobody uses it any more.
    """
    now = time.time()
    with naming_errors():
        scopes, span = Scopes.parse(" ".join(scope)), lifetime(expires)
        if not scopes.given and not rotate:
            raise WrongUse("--scope: what may the key do? discover, call, register, observe, admin")
        key = minted(secrets.token_bytes(KEY_BYTES))
        ends = None if span is None else now + span.total_seconds()
        async with reach.federation() as federation:
            store = KeyStore(federation.bus)
            before = _holding(await store.all(), name, now)
            _check(before, name, rotate=rotate)
            held = str(scopes) or before[-1].record.scopes
            record = validated(KeyRecord, {"name": name, "scopes": held, "created": now, "expires": ends})
            await store.add(hashed(key), record)
            made = StoredKey(hashed(key), record, 0)
            _tell(federation.bus, "key-created", made)
            await federation.bus.flush()
    _show_made(key, made, as_json=json)


@token.command(name="list")
async def list_(*, json: Json = False, reach: Reach = _DEFAULT_REACH) -> None:
    """List the keys: whom they are for, what they may, and until when. No key is shown."""
    async with reach.federation() as federation:
        found = await KeyStore(federation.bus).all()
    now = time.time()
    if json:
        show_json([_described(key, now) for key in found])
    else:
        show(_table(found, now))


@token.command
async def revoke(key: str, /, *, reach: Reach = _DEFAULT_REACH) -> None:
    """Revoke the key of an id, or every key of a name: within a second no gateway lets it in.

    Parameters
    ----------
    key
        The key's id, as `omega token list` shows it, or a name.
    """
    now = time.time()
    async with reach.federation() as federation:
        store = KeyStore(federation.bus)
        for found in await store.named(key):
            if found.record.revoked is None:
                await store.revoke(found, now)
                _tell(federation.bus, "key-revoked", found)
                note(f"revoked {found.id} of {found.record.name}")
        await federation.bus.flush()


def _holding(found: Iterable[StoredKey], name: str, now: float) -> list[StoredKey]:
    return [key for key in found if key.record.name == name and key.record.holds(now)]


def _check(before: list[StoredKey], name: str, *, rotate: bool) -> None:
    if before and not rotate:
        ids = ", ".join(key.id for key in before)
        raise Conflict(f"{name} has a key ({ids}): --rotate makes one more, `omega token revoke` ends one")
    if rotate and not before:
        raise Conflict(f"{name} has no key that could be rotated: leave out --rotate and say --scope")


def _show_made(key: str, made: StoredKey, *, as_json: bool) -> None:
    if as_json:
        show_json({"key": key, **_described(made, made.record.created)})
        return
    note(f"{made.record.name} ({made.id}) may {made.record.scopes}, until {_day(made.record.expires)}.")
    note("This is the only time the key is shown. Send it as `Authorization: Bearer …` or `X-Api-Key: …`.")
    print(key)


def _tell(bus: Bus, what: str, key: StoredKey) -> None:
    record = key.record
    told = {"what": what, "name": record.name, "key_id": key.id, "scopes": record.scopes}
    Trail(bus, "omega:cli").tell(EventKind.TRUST_CHANGED, None, **told)


def _described(key: StoredKey, now: float) -> dict[str, Any]:
    record = key.record
    times = {"created": record.created, "expires": record.expires, "revoked": record.revoked}
    return {
        "id": key.id,
        "name": record.name,
        "scopes": record.scopes.split(),
        "state": record.state(now),
        **{name: None if moment is None else _rfc3339(moment) for name, moment in times.items()},
    }


def _table(found: list[StoredKey], now: float) -> RenderableType:
    if not found:
        return Text("no keys", style="dim")
    table = plain_table("ID", "NAME", "STATE", "SCOPES", "CREATED", "EXPIRES")
    for key in found:
        record = key.record
        words = (key.id, record.name, record.state(now), record.scopes, _day(record.created), _day(record.expires))
        table.add_row(*map(shown, words))
    return table


def _day(moment: float | None) -> str:
    return "for ever" if moment is None else _rfc3339(moment)[:10]


def _rfc3339(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
