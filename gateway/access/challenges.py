"""What a refusal says to a client that could do better: `WWW-Authenticate` by RFC 6750 and RFC 9728. Pure."""

from __future__ import annotations

from bus.errors import FederationError, Unauthenticated
from gateway.refusals import InsufficientScope, MalformedCredentials

HEADER = "WWW-Authenticate"


def challenge(error: FederationError, *, scope: str, shown: bool, metadata: str | None) -> str | None:
    """The header for `error`; None where credentials would change nothing.

    `shown`: whether credentials were shown at all; `scope`: what the path needs; `metadata`: the URL of the resource's
    description, where there is one.
    """
    if isinstance(error, InsufficientScope):
        told = [("error", "insufficient_scope"), ("scope", error.needed)]
    elif isinstance(error, Unauthenticated):
        told = [("error", "invalid_token"), ("error_description", error.message)] if shown else []
        told += [("scope", scope)] if scope else []
    elif isinstance(error, MalformedCredentials):
        told = [("error", "invalid_request"), ("error_description", error.message)]
    else:
        return None
    if metadata is not None:
        told.append(("resource_metadata", metadata))
    return "Bearer " + ", ".join(f'{name}="{_quotable(value)}"' for name, value in told or [("realm", "omega")])


def _quotable(value: str) -> str:
    return "".join(char for char in value if " " <= char <= "~" and char not in '"\\')
