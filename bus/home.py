"""Where one federation of this machine keeps what is its own: data, logs, state, credentials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def root_from(environment: Mapping[str, str]) -> Path:
    """`$OMEGA_HOME`, else `$XDG_STATE_HOME/omega`, else `~/.local/state/omega`."""
    if named := environment.get("OMEGA_HOME"):
        return Path(named).expanduser().absolute()
    base = environment.get("XDG_STATE_HOME") or Path(environment.get("HOME", "~")).expanduser() / ".local" / "state"
    return Path(base).absolute() / "omega"
