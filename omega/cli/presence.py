"""`register` and `unregister`: the registry by hand, for members that have no connection of their own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
from cyclopts import Parameter

from bus.names import DEFAULT_INSTANCE
from omega.cli.options import Json
from omega.cli.output import show, show_json
from omega.cli.reach import Reach
from omega.cli.words import shown
from omega.trouble import WrongUse

_DEFAULT_REACH = Reach()


async def register(
    file: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    instance: str = DEFAULT_INSTANCE,
    json: Json = False,
    reach: Reach = _DEFAULT_REACH,
) -> None:
    """Register a member from a manifest file.

    Returns when the registry has stored it. Without heartbeats the member turns stale after three intervals.

    Parameters
    ----------
    file
        A manifest in JSON; - reads stdin.
    instance
        Name of the copy, where a member has several.
    """
    manifest = _read(file)
    async with reach.federation() as federation:
        answer = await federation.register(manifest, instance)
    if json:
        show_json(answer)
    else:
        show(shown(f"{answer.get('status', 'registered')} {answer.get('id')}, copy {answer.get('instance', instance)}"))


async def unregister(
    id: str, /, *, instance: str | None = None, json: Json = False, reach: Reach = _DEFAULT_REACH
) -> None:
    """Take a member out of the registry.

    Parameters
    ----------
    id
        The member's id.
    instance
        Only this copy of it; unset: all of them.
    """
    async with reach.federation() as federation:
        answer = await federation.leave(id, instance)
    if json:
        show_json(answer)
    else:
        show(shown(f"unregistered {id}" + (f", copy {instance}" if instance else "")))


def _read(file: str) -> dict[str, Any]:
    try:
        manifest = orjson.loads(sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes())
    except OSError as exc:
        raise WrongUse(f"{file}: {exc.strerror}") from exc
    except orjson.JSONDecodeError as exc:
        raise WrongUse(f"{file} is not JSON: {exc}") from exc
    if not isinstance(manifest, dict):
        raise WrongUse(f"{file}: a manifest is a JSON object")
    return manifest
