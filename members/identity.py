"""Who a tool is called for: what the gateway says of its caller, at hand in whatever the call runs.

A member believes the headers because nobody but a gateway may publish on the subjects they come on.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

from bus import headers


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever proved to a gateway who it is, and asked for this call."""

    name: str
    scopes: tuple[str, ...] = ()
    """What it may in the federation, as `bus.access` writes scopes."""


_caller_of_the_call: ContextVar[Caller | None] = ContextVar("caller_of_the_call", default=None)


def current_caller() -> Caller | None:
    """Who the call that runs now is for; None: nobody in particular, or no call."""
    return _caller_of_the_call.get()


def called_for(sent: Mapping[str, str]) -> None:
    """Say for the rest of this task, and for what it starts, that it works on a call with those headers.

    The SDK is told too: `get_access_token()` then names the caller, and what a client gets to keep is bound to it.
    There is no token in it: a client's own goes no further than the gateway.
    """
    name = sent.get(headers.CALLER)
    if not name:
        return
    who, user = _known(name, sent.get(headers.CALLER_SCOPES, ""))
    _caller_of_the_call.set(who)
    auth_context_var.set(user)


@lru_cache(maxsize=1_024)
def _known(name: str, scopes: str) -> tuple[Caller, AuthenticatedUser]:
    held = tuple(scopes.split())
    token = AccessToken(token="", client_id=name, scopes=list(held), subject=name)
    return Caller(name, held), AuthenticatedUser(token)
