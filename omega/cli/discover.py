"""`ls`, `show` and `search`: who is in the federation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from bus.signing import verify_manifest
from bus.truststore import TrustStore
from omega.cli import tables
from omega.cli.options import Json
from omega.cli.output import show as show_table
from omega.cli.output import show_json
from omega.cli.reach import Reach
from omega.cli.sign import tell_signed
from omega.trouble import WrongUse

Status = Literal["active", "stale", "any"]
Words = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)]

_DEFAULT_REACH = Reach()


async def ls(
    *,
    status: Status = "active",
    page: int = 1,
    limit: int = 100,
    json: Json = False,
    reach: Reach = _DEFAULT_REACH,
) -> None:
    """List the members.

    Parameters
    ----------
    status
        Which ones: alive, silent for a while, or all that are registered.
    page
        Which page of a long list.
    limit
        Members on a page.
    """
    await _list("servers", {"status": status, "page": page, "limit": limit}, as_json=json, reach=reach)


async def search(
    *text: str,
    tag: Words = (),
    without_tag: Words = (),
    capability: Words = (),
    version: str | None = None,
    status: Status = "active",
    page: int = 1,
    limit: int = 100,
    json: Json = False,
    reach: Reach = _DEFAULT_REACH,
) -> None:
    """Find members by words, tags, capabilities or version.

    Every condition must hold. Words are looked for in ids, names, descriptions, tags, capabilities and tools, and
    forgive a typing error; the best match comes first.

    Parameters
    ----------
    text
        Words to rank by.
    tag
        A tag the member has; several times for several.
    without_tag
        A tag the member has not.
    capability
        A capability the member has.
    version
        A range of versions, such as '>=1.2 <2' or '^1.4'.
    status
        Which ones: alive, silent for a while, or all that are registered.
    page
        Which page of a long list.
    limit
        Members on a page.
    """
    query: dict[str, Any] = {"status": status, "page": page, "limit": limit}
    named = {"tag": tag, "without_tag": without_tag, "capability": capability}
    query |= {name: list(words) for name, words in named.items() if words}
    query |= {"version": version} if version else {}
    query |= {"q": " ".join(text)} if text else {}
    await _list("search", query, as_json=json, reach=reach)


async def show(
    id: str,
    /,
    *,
    verify: Annotated[bool, Parameter(negative="")] = False,
    trust_store: Annotated[Path | None, Parameter(name="--trust-store", env_var="OMEGA_TRUST_STORE")] = None,
    json: Json = False,
    reach: Reach = _DEFAULT_REACH,
) -> None:
    """Show one member: what it says of itself, its copies, its tools.

    Parameters
    ----------
    id
        The member's id, as `omega ls` shows it.
    verify
        Show it only if it is what its member signed, by a key of the trust store.
    trust_store
        The keys that are trusted: a JWKS file or a folder of them.
    """
    if verify and trust_store is None:
        raise WrongUse("--verify: --trust-store says whom to trust")
    async with reach.federation() as federation:
        manifest = await federation.server(id)
        found = verify_manifest(manifest, TrustStore.load(trust_store)) if verify and trust_store else None
    if json:
        show_json(manifest)
    else:
        show_table(tables.member(manifest))
        if found is not None:
            tell_signed(found, as_json=False)


async def _list(verb: str, query: dict[str, Any], *, as_json: bool, reach: Reach) -> None:
    async with reach.federation() as federation:
        reply = await federation.ask(verb, query)
    if as_json:
        show_json(reply)
    else:
        show_table(tables.servers(reply))
