"""`call`: one tool call, its progress on stderr, its result on stdout."""

from __future__ import annotations

import sys
from typing import Annotated

import orjson
from cyclopts import Parameter

from bus import CallOptions
from omega.cli.arguments import read_arguments, read_object
from omega.cli.output import note, show_json
from omega.cli.progress import told
from omega.cli.reach import Reach

_DEFAULT_REACH = Reach()


async def call(
    id: str,
    tool: str,
    /,
    *arguments: Annotated[str, Parameter(allow_leading_hyphen=True)],
    timeout: Annotated[float, Parameter(name=["--timeout", "-t"])] = 60.0,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
    json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    reach: Reach = _DEFAULT_REACH,
) -> None:
    """Call a tool of a member and print its result.

    The result is JSON on stdout; what the tool tells on its way goes to stderr.

    Parameters
    ----------
    id
        The member's id.
    tool
        The tool's name; `omega show ID` lists them.
    arguments
        One JSON object, or key=value each; a value is read as JSON when it is JSON, else as text. A single - reads
        the object from stdin.
    timeout
        Seconds until the call is withdrawn.
    quiet
        No progress on stderr.
    json
        Errors as JSON too.
    """
    read = read_object(sys.stdin.read()) if arguments == ("-",) else read_arguments(arguments)
    options = CallOptions(timeout=timeout, on_event=None if quiet else _tell)
    async with reach.federation() as federation:
        show_json(await federation.call(id, tool, read, options))


def _tell(notification: bytes) -> None:
    if line := told(orjson.loads(notification)):
        note(line)
