"""Semantic versions as members really write them, and the ranges that callers ask for.

A version never raises: `1.0`, `v2` and `1.0.0rc1` are read for what they mean, and what cannot be read sorts below
everything. A range is strict: one that is not understood is refused, because guessing would select the wrong member.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from bus.errors import InvalidRequest

Numbers = tuple[int, ...]
"""One to three of major, minor, patch."""

_VERSION = re.compile(
    r"""\s*[vV=]?\s*(?P<major>[0-9]{1,18}) (?:\.(?P<minor>[0-9]{1,18}))? (?:\.(?P<patch>[0-9]{1,18}))? (?:\.[0-9]+)*
        (?:-(?P<pre>[0-9A-Za-z.-]+) | [._]?(?P<glued>[A-Za-z][0-9A-Za-z.-]*))? (?:\+[0-9A-Za-z.-]*)?\s*""",
    re.VERBOSE,
)
_TERM = re.compile(
    r"""(?P<sign>>=|<=|==|!=|[<>=^~])?\s*
        [vV]?(?P<numbers>(?:[0-9]{1,18}|[xX*])(?:\.(?:[0-9]{1,18}|[xX*])){0,2})
        (?:-(?P<pre>[0-9A-Za-z.-]+))? (?:\+[0-9A-Za-z.-]+)?""",
    re.VERBOSE,
)
_SEPARATORS = re.compile(r"[\s,]*")

PreRelease = tuple[tuple[int, int, str], ...]
_BELOW_ALL: PreRelease = ()
_RELEASE: PreRelease = ((2, 0, ""),)


class Precedence(NamedTuple):
    """Where a version stands; compared with `<` it gives the order of semantic versioning."""

    readable: bool
    major: int = 0
    minor: int = 0
    patch: int = 0
    pre: PreRelease = _BELOW_ALL
    after: int = 0
    """1 for the place just behind that version, so that every range is half open."""


MAX_VERSION = 256
"""Characters; what is longer is no version."""

UNREADABLE = Precedence(False)
_LOWEST = Precedence(True)


def precedence(text: str) -> Precedence:
    """Where `text` stands among versions; build metadata does not count, what is no version stands lowest."""
    return _precedence(text) if len(text) <= MAX_VERSION else UNREADABLE


@lru_cache(maxsize=4096)
def _precedence(text: str) -> Precedence:
    found = _VERSION.fullmatch(text)
    if found is None:
        return UNREADABLE
    numbers = [int(found[name] or 0) for name in ("major", "minor", "patch")]
    return _placed((numbers[0], numbers[1], numbers[2]), found["pre"] or found["glued"])


@dataclass(frozen=True, slots=True)
class Span:
    """Versions from `low` up to, not including, `high`; with `inside` false, all the others."""

    low: Precedence
    high: Precedence | None
    inside: bool = True

    def holds(self, place: Precedence) -> bool:
        within = self.low <= place and (self.high is None or place < self.high)
        return within is self.inside


@dataclass(frozen=True, slots=True)
class Range:
    """Versions that satisfy every span; no span at all is satisfied by anything, readable or not."""

    spans: tuple[Span, ...]
    previews: frozenset[tuple[int, int, int]]
    """The releases whose pre-releases were asked for by name; those of any other release do not satisfy."""

    def holds(self, version: str) -> bool:
        """Whether `version` satisfies this range."""
        place = precedence(version)
        if not self.spans:
            return True
        if not place.readable or (place.pre != _RELEASE and place[1:4] not in self.previews):
            return False
        return all(span.holds(place) for span in self.spans)


def read_range(text: str) -> Range:
    """The range of `>=1.2 <2`, `^1.4`, `~2.0.1`, `1.x`, `1.0.0`, `!=1.3` or `*`; commas or spaces mean "and".

    As in npm, `1.2` means every 1.2.x, and a pre-release satisfies a range only where the range names a pre-release
    of the same major.minor.patch. Raises InvalidRequest naming field `version`.
    """
    terms = list(_terms(text))
    spans = tuple(span for sign, numbers, pre in terms for span in _spans(text, sign, numbers, pre))
    named = frozenset((n[0], n[1], n[2]) for sign, n, pre in terms if pre and sign != "!=")
    return Range(spans, named)


def _terms(text: str) -> list[tuple[str, Numbers, str | None]]:
    terms: list[tuple[str, Numbers, str | None]] = []
    at = _end_of_separators(text, 0)
    while at < len(text):
        term = _TERM.match(text, at)
        after = _end_of_separators(text, term.end()) if term else at
        if term is None or (after == term.end() < len(text)):
            raise _unreadable(text)
        terms.append((term["sign"] or "=", *_numbers(text, term)))
        at = after
    if not terms:
        raise _unreadable(text)
    return terms


def _numbers(text: str, term: re.Match[str]) -> tuple[Numbers, str | None]:
    parts = term["numbers"].split(".")
    known = next((i for i, part in enumerate(parts) if not part.isdigit()), len(parts))
    if term["pre"] and known < 3:
        raise _unreadable(text)
    return tuple(int(part) for part in parts[:known]), term["pre"]


def _spans(text: str, sign: str, numbers: Numbers, pre: str | None) -> list[Span]:
    if not numbers:
        if sign in ("<", ">", "!="):
            raise _unreadable(text)
        return []
    low, behind = _first(numbers, pre), _behind(numbers, pre)
    spans = {
        "=": Span(low, behind),
        "==": Span(low, behind),
        "!=": Span(low, behind, inside=False),
        ">=": Span(low, None),
        ">": Span(behind, None),
        "<": Span(_LOWEST, low),
        "<=": Span(_LOWEST, behind),
        "~": Span(low, _next(numbers, min(1, len(numbers) - 1))),
        "^": Span(low, _next(numbers, _leading(numbers))),
    }
    return [spans[sign]]


def _first(numbers: Numbers, pre: str | None) -> Precedence:
    """The lowest version the numbers name: with all three it is one version, with fewer a floor."""
    if len(numbers) < 3:
        return _floor(numbers)
    return _placed((numbers[0], numbers[1], numbers[2]), pre)


def _behind(numbers: Numbers, pre: str | None) -> Precedence:
    if len(numbers) < 3:
        return _next(numbers, len(numbers) - 1)
    return _first(numbers, pre)._replace(after=1)


def _next(numbers: Numbers, at: int) -> Precedence:
    return _floor((*numbers[:at], numbers[at] + 1))


def _floor(numbers: Numbers) -> Precedence:
    """Below every pre-release of those numbers."""
    major, minor, patch = (*numbers, 0, 0)[:3]
    return Precedence(True, major, minor, patch)


def _leading(numbers: Numbers) -> int:
    return next((i for i, number in enumerate(numbers) if number), len(numbers) - 1)


def _placed(numbers: tuple[int, int, int], pre: str | None) -> Precedence:
    identifiers = [part for part in (pre or "").split(".") if part]
    return Precedence(True, *numbers, tuple(map(_identifier, identifiers)) or _RELEASE)


def _identifier(part: str) -> tuple[int, int, str]:
    return (0, int(part), "") if part.isdigit() else (1, 0, part)


def _end_of_separators(text: str, at: int) -> int:
    found = _SEPARATORS.match(text, at)
    return found.end() if found else at


def _unreadable(text: str) -> InvalidRequest:
    return InvalidRequest(
        f"version: a range such as '>=1.2 <2', '^1.4', '~2.0.1', '1.x' or '1.0.0', not {text[:80]!r}",
        details={"field": "version"},
    )
