"""The table of rights in docs/security.md, made from the one that configures NATS: python -m docs.make_rights"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bus import BusSettings
from bus.trust.rights import Identity, Role, rights_of

PAGE = Path(__file__).parent / "security.md"
BEGIN, END = "<!-- rights: made by docs/make_rights.py -->\n", "<!-- end of rights -->\n"

_WHAT = {
    Role.MEMBER: "Serves the tools of one id (here `M`)",
    Role.READING_MEMBER: "As a member; its tools also read resources of other members",
    Role.GATEWAY: "Calls and asks, for callers whom it let in (here `N` is its name)",
    Role.DIRECTORY: "Keeps the registry",
    Role.ADOPTER: "Stands for members that registered over HTTP, whatever their ids",
    Role.CLIENT: "A program that calls tools straight from the bus",
    Role.OBSERVER: "Listens to presence and events, asks directories",
    Role.OPERATOR: "A person who may do everything in the federation's account",
    Role.SYSTEM: "Hears the servers' own events, in the system account",
}


def page() -> str:
    """The whole page, with the table as it is now."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


def table() -> str:
    """One row a role."""
    rows = "\n".join(_row(role) for role in Role)
    return f"| role | publishes | hears |\n|---|---|---|\n{rows}\n"


def _row(role: Role) -> str:
    name = "M" if role in (Role.MEMBER, Role.READING_MEMBER) else "N"
    rights = rights_of(Identity(role, name), BusSettings())
    return f"| **{role}**: {_WHAT[role]} | {_cell(rights.publish)} | {_cell(rights.subscribe)} |"


def _cell(subjects: Iterable[str]) -> str:
    return " ".join(f"`{subject}`" for subject in subjects)


if __name__ == "__main__":
    PAGE.write_text(page())
