"""The table of errors in docs/protocol.md, made from the error tree itself: python -m docs.make_errors"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gateway.refusals
from bus import errors
from bus.errors import FederationError

PAGE = Path(__file__).parent / "protocol.md"
BEGIN = "<!-- errors: made by docs/make_errors.py, held true by a test -->\n"
END = "<!-- /errors -->"

KINDS = {
    errors.Refused: "Refused: sent again unchanged, it will be refused again",
    errors.Unavailable: "Unavailable: the same request may succeed later or elsewhere",
    errors.Unknown: "Unknown: the outcome cannot be told; look before trying again",
    errors.Broken: "Broken: a fault on our side",
}


def table() -> str:
    """The table as Markdown: every error that can reach a caller, by kind, those of HTTP alone marked."""
    lines = ["| code | HTTP | JSON-RPC | retryable | meaning |", "|---|---|---|---|---|"]
    for kind, title in KINDS.items():
        lines.append(f"| **{title}** | | | | |")
        lines += [_row(error) for error in _told(kind)]
    return "\n".join(lines) + "\n"


def page() -> str:
    """docs/protocol.md as it should be."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def _told(kind: type[FederationError]) -> Iterator[type[FederationError]]:
    """The errors below `kind` that have a code of their own, in the order of the tree."""
    for child in kind.__subclasses__():
        ours = child.__module__ in (errors.__name__, gateway.refusals.__name__)
        if ours and "code" in vars(child):
            yield child
        yield from _told(child)


def _row(error: type[FederationError]) -> str:
    meaning = (error.__doc__ or "").strip().splitlines()[0].rstrip(".")
    where = " (HTTP only)" if error.__module__ == gateway.refusals.__name__ else ""
    retryable = "yes" if error.retryable else "no"
    return f"| `{error.code}` | {error.http_status} | {error.jsonrpc_code} | {retryable} | {meaning}{where} |"


if __name__ == "__main__":
    PAGE.write_text(page())
