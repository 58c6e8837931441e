"""The page that teaches members: its blocks are one program, and that program serves."""

from __future__ import annotations

from typing import Any

import pytest

from bus.errors import InvalidArguments, NotAllowed, NotFound
from members import Member
from omega.testing import federation
from tests.support.markdown import ROOT, blocks

PAGE = (ROOT / "docs" / "members.md").read_text()


@pytest.fixture
def member() -> Member:
    """What the blocks make, run from top to bottom as one module."""
    program: dict[str, Any] = {"__name__": "library"}
    for block in blocks(PAGE):
        if block.language == "python" and block.runs:
            exec(compile(block.text, "docs/members.md", "exec", dont_inherit=True), program)
    made = program["member"]
    assert isinstance(made, Member)
    return made


async def test_the_member_of_the_page_does_what_the_page_says(member: Member) -> None:
    async with federation(member) as running:
        assert await running.call("library", "find", {"title": "dune"}) == {"title": "dune", "copies": 2}
        assert await running.call("library", "lend", {"title": "dune", "to": "Ada"}) == {"title": "dune", "copies": 1}
        assert await running.call("library", "stocktake") == {"copies": 1}
        for arguments, refusal in (
            ({"title": "ulysses", "to": "Ada"}, NotFound),
            ({"title": "dune", "to": " "}, InvalidArguments),
            ({"title": "emma", "to": "Ada"}, NotAllowed),
        ):
            with pytest.raises(refusal):
                await running.call("library", "lend", arguments)
        content, kind = await member.peers.read("omega://member/library/books://dune", max_bytes=100, timeout=5)
        assert (content, kind) == (b"dune: 1 copies", "text/plain")


def test_every_file_the_page_names_is_there() -> None:
    named = [word for word in PAGE.split("`") if word.startswith(("members/", "examples/")) and word.endswith(".py")]
    assert len(named) >= 4
    assert all((ROOT / name).is_file() for name in named)
