"""What somebody may have meant who named a member that is not there."""

from __future__ import annotations

from collections.abc import Collection

from rapidfuzz import fuzz, process

from bus.errors import UnknownMember

MAX_SUGGESTIONS = 3
_ALIKE = 60.0
"""Of 100: the least likeness that is worth a mention."""


def unknown_member(member: str, known: Collection[str]) -> UnknownMember:
    """The error for `member`, with `details.id` and, where some known ids are alike, `details.did_you_mean`."""
    alike = suggestions(member, known)
    if not alike:
        return UnknownMember(f"no member {member!r} is registered", details={"id": member})
    return UnknownMember(
        f"no member {member!r} is registered; did you mean {alike[0]!r}?", details={"id": member, "did_you_mean": alike}
    )


def suggestions(word: str, known: Collection[str]) -> list[str]:
    """Up to three of `known` that are most like `word`, the best first; equals by name."""
    found = process.extract(word, known, scorer=fuzz.ratio, limit=4 * MAX_SUGGESTIONS, score_cutoff=_ALIKE)
    return [name for name, _, _ in sorted(found, key=lambda one: (-one[1], one[0]))][:MAX_SUGGESTIONS]
