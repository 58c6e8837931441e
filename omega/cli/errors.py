"""The errors of the bus as a command names them: one line with what may help, and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError
from pydantic_settings import SettingsError

from bus.errors import Broken, FederationError, NotFound, Refused, Unavailable, Unknown
from bus.validation import explained
from omega.handshake import Exit
from omega.trouble import Trouble, WrongUse

_CODES: tuple[tuple[type[FederationError], Exit], ...] = (
    (NotFound, Exit.NOT_FOUND),
    (Refused, Exit.FAILED),
    (Unavailable, Exit.UNAVAILABLE),
    (Unknown, Exit.UNKNOWN),
    (Broken, Exit.FAILED),
)

_HINTS = {
    "bus_unavailable": "omega up starts a federation here, --nats URL names another",
    "bus_refused": "OMEGA_CREDENTIALS names the file to come in with, omega trust issues one",
    "directory_unavailable": "omega status shows whether a directory runs",
    "no_instance": "omega ls --status any shows whether it was ever here",
}


@contextmanager
def naming_errors() -> Iterator[None]:
    """Raises Trouble for what the block raises of the bus, and for settings that are not valid."""
    try:
        yield
    except FederationError as exc:
        raise Trouble(one_line(exc), code=exit_code(exc), body=exc.body()) from exc
    except ValidationError as exc:
        if not exc.title.endswith("Settings"):
            raise  # a defect of ours, whose trace must reach the log
        raise WrongUse(one_line(explained(exc))) from exc
    except SettingsError as exc:
        raise WrongUse(f"the environment: {exc}") from exc


def exit_code(error: FederationError) -> Exit:
    """What a script sees of `error`."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.FAILED)


def one_line(error: FederationError) -> str:
    """For people: code, message, and what may help."""
    hint = _did_you_mean(error) or _HINTS.get(error.code, "")
    return f"{error.code}: {error.message}" + (f" ({hint})" if hint else "")


def _did_you_mean(error: FederationError) -> str:
    offered = (error.details or {}).get("did_you_mean")
    names = [offered] if isinstance(offered, str) else offered if isinstance(offered, list) else []
    if not names or "did you mean" in error.message:
        return ""
    return f"did you mean {' or '.join(str(name) for name in names)}?"
