"""`mcp`: the federation, or one member of it, as a stdio MCP server for Claude Desktop and other local clients."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from cyclopts import Parameter

from bus import Federation
from bus.names import checked_member
from members.adapters.desk import NobodyThere, of_member, of_url, serve_desk
from omega.cli.errors import naming_errors
from omega.cli.reach import Reach
from omega.composition import GATEWAY_PORT, LOOPBACK
from omega.handshake import Exit
from omega.home import home_from
from omega.processes.life import connected, set_up_logs
from omega.state import running
from omega.trouble import Trouble, WrongUse

PATIENCE_S = 30.0
Many = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)]
_DEFAULT_REACH = Reach()


async def mcp(
    id: str | None = None,
    /,
    *,
    gateway: Annotated[str | None, Parameter(env_var="OMEGA_GATEWAY_URL")] = None,
    tag: Many = (),
    capability: Many = (),
    reach: Reach = _DEFAULT_REACH,
) -> None:
    """Serve the federation over stdin and stdout, for MCP clients on this machine.

    The whole federation comes from a gateway, one member straight from NATS. Ends when the client closes stdin. Where
    the gateway asks who comes, OMEGA_API_KEY in the environment is the key to show.

    Parameters
    ----------
    id
        Only this member.
    gateway
        Base URL of the gateway. Unset: that of the federation of this machine, else http://127.0.0.1:9405.
    tag
        Only members with this tag; several must all hold.
    capability
        Only members with this capability; several must all hold.
    """
    set_up_logs(os.environ, level="warning")
    if id is not None and (gateway or tag or capability):
        raise WrongUse("--gateway, --tag and --capability are for the whole federation, not for one member")
    with naming_errors():
        try:
            if id is None:
                whole = of_url("federation", _url(gateway, tag, capability), _credentials(os.environ))
                await serve_desk("the gateway", whole, patience_s=PATIENCE_S)
            else:
                async with connected(reach.settings(), "omega:mcp") as bus:
                    await serve_desk(id, of_member(Federation(bus), checked_member(id)), patience_s=PATIENCE_S)
        except NobodyThere as exc:
            raise Trouble(str(exc), code=Exit.UNAVAILABLE) from exc


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    key = environment.get("OMEGA_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


def _url(gateway: str | None, tags: tuple[str, ...], capabilities: tuple[str, ...]) -> str:
    here = running(home_from(os.environ).state_file)
    base = gateway or (here.gateway_url if here else f"http://{LOOPBACK}:{GATEWAY_PORT}")
    query = urlencode([*(("tag", tag) for tag in tags), *(("capability", one) for one in capabilities)])
    return f"{base.rstrip('/')}/mcp" + (f"?{query}" if query else "")
