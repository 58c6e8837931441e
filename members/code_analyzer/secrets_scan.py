"""Secrets in text, by detect-secrets: where and of which kind, never what. Runs in workers only.

detect-secrets tries each of its two dozen detectors on every line, through an injection layer: a third of a
millisecond for the plainest line. So lines that no detector could match are left out of what it is shown, which
finds the same and takes a hundredth of the time on real code. Its expressions are tried on texts that hold their
fixed part, keywords on lower-case text, and those that name a product before a long value only on lines that hold
something long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.scan import scan_file
from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector
from detect_secrets.plugins.keyword import DENYLIST
from detect_secrets.settings import transient_settings

from members.code_analyzer.findings import Confidence, Vulnerability

SECRET_CWE = 798
SECRET_ADVICE = "Read it from the environment or from a secret store, and change the one that is in the history."
KEYWORD = "Secret Keyword"

NOISE = {"IPPublicDetector"}
ENTROPY = {"Base64HighEntropyString", "HexHighEntropyString"}
READ_WHOLE = {".yaml", ".yml", ".ini", ".cfg", ".conf", ".properties", ".toml", ".eyaml"}
"""detect-secrets parses these as a whole instead of by line."""

MAX_LINE = 5000
"""Longer lines are packed or generated, and some detectors take time by the square of the length: not searched."""

RANDOM = re.compile(r"""['"][A-Za-z0-9+/\\_=-]{9,}['"]""")
"""Shorter strings cannot reach the entropy that the detectors of mere randomness ask for."""

LONG = re.compile(r"(?<![0-9a-z_\-])[0-9a-z_\-]{24}")
"""No product that is known by a name before it has shorter secrets."""

NAMED = r"(?:(?<=\W)|(?<=^))"
"""How the expressions of names and values begin."""

PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{[\d,]*\}|.", re.DOTALL)
"""One step of a regular expression: a character, a set of them, how often, or a bracket."""

OPEN = re.compile(r"\\\w|\[|\{|[.^$?*+()]$")
"""A step that stands for no certain character."""

KEYWORDS = re.compile("|".join(DENYLIST))

FILTERS = (
    "heuristic.is_sequential_string",
    "heuristic.is_potential_uuid",
    "heuristic.is_likely_id_string",
    "heuristic.is_templated_secret",
    "heuristic.is_prefixed_with_dollar_sign",
    "heuristic.is_indirect_reference",
    "heuristic.is_not_alphanumeric_string",
)
"""Its own defaults without the ones that let the scanned text switch the scanner off."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A place where a secret stands. `kind` is detect-secrets' name for it."""

    line: int
    kind: str
    confidence: Confidence


def secrets_in(text: str, extension: str, folder: Path, *, entropy: bool) -> list[Secret]:
    """Secrets of one text, by line. `folder` takes a temporary file; `entropy` also tells strings that are nothing
    but random, which in whole repositories are mostly checksums."""
    lines = [
        line if len(line) <= MAX_LINE else "" for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ]
    numbers = candidate_lines("\n".join(lines), entropy=entropy, whole=extension in READ_WHOLE)
    if not numbers:
        return []
    shown = folder / f"shown{extension}"
    shown.write_text("\n".join(lines[number - 1] for number in numbers) + "\n", encoding="utf-8", errors="replace")
    with transient_settings(configuration(entropy=entropy)):
        found = {(numbers[secret.line_number - 1], secret.type) for secret in scan_file(str(shown))}
    return [Secret(line, kind, confidence_in(kind)) for line, kind in sorted(found)]


def configuration(*, entropy: bool) -> dict[str, Any]:
    """Detectors and filters, in detect-secrets' own form. None of them asks the network."""
    return {
        "plugins_used": [{"name": name} for name in detectors(entropy=entropy)],
        "filters_used": [{"path": f"detect_secrets.filters.{name}"} for name in FILTERS],
    }


def detectors(*, entropy: bool) -> list[str]:
    names = {kind.__name__ for kind in detector_classes()}
    return sorted(names - NOISE - (set() if entropy else ENTROPY))


def detector_classes() -> list[type[BasePlugin]]:
    """Every detector that detect-secrets ships."""
    return list(get_mapping_from_secret_type_to_class().values())


def candidate_lines(text: str, *, entropy: bool, whole: bool) -> list[int]:
    """Numbers of the lines that a detector might match; all of them where lines do not stand alone."""
    if whole:
        return list(range(1, text.count("\n") + 2))
    exact, named = screens()
    lower = text.lower()
    worth_it = [screen for screen, fixed in exact if fixed in (lower if screen.flags & re.IGNORECASE else text)]
    found = {line for screen in worth_it for line in matching_lines(text, screen)}
    found.update(matching_lines(lower, KEYWORDS))
    found.update(line for line in long_lines(lower, named))
    return sorted(found.union(matching_lines(text, RANDOM)) if entropy else found)


def long_lines(lower: str, named: Sequence[re.Pattern[str]]) -> Iterator[int]:
    """Lines with a long value and, before it, one of the names."""
    lines = lower.split("\n")
    for number in dict.fromkeys(matching_lines(lower, LONG)):
        if any(screen.search(lines[number - 1]) for screen in named):
            yield number


def matching_lines(text: str, screen: re.Pattern[str]) -> Iterator[int]:
    """Lines touched by a match, from its beginning to its end."""
    line, seen_to = 1, 0
    for match in screen.finditer(text):
        line += text.count("\n", seen_to, match.start())
        seen_to = match.start()
        yield from range(line, line + text.count("\n", match.start(), match.end()) + 1)


@cache
def screens() -> tuple[tuple[tuple[re.Pattern[str], str], ...], tuple[re.Pattern[str], ...]]:
    """The detectors' own expressions, fit for a text of many lines: those tried on every text that holds their fixed
    part in any case, and those of a name and a long value."""
    own: list[re.Pattern[str]] = [
        pattern
        for kind in detector_classes()
        if issubclass(kind, RegexBasedDetector) and kind.__name__ not in NOISE
        for pattern in cast("Iterable[re.Pattern[str]]", kind.denylist)  # typed as the property it overrides
    ]
    named = tuple(each for each in own if each.pattern.startswith(NAMED) and each.flags & re.IGNORECASE)
    exact = [re.compile(each.pattern, each.flags | re.MULTILINE) for each in own if each not in named]
    return tuple((each, fixed_part(each)) for each in exact), named


def fixed_part(expression: re.Pattern[str]) -> str:
    """The longest run of characters that every match must hold, in lower case where case does not matter; empty where
    none is certain."""
    runs, depth = [""], 0
    for piece in PIECE.findall(expression.pattern):
        depth += (piece == "(") - (piece == ")")
        if piece == "|" and not depth:
            return ""
        if piece in ("?", "*") or piece.startswith("{"):
            runs[-1] = runs[-1][:-1]
        if depth or OPEN.match(piece):
            runs.append("")
        else:
            runs[-1] += piece[-1]
    longest = max(runs, key=len)
    return longest.lower() if expression.flags & re.IGNORECASE else longest


def confidence_in(kind: str) -> Confidence:
    """Formats of real tokens are certain; a telling name is likely; mere randomness is a guess."""
    if "Entropy" in kind:
        return "low"
    return "medium" if kind in ("Secret Keyword", "Basic Auth Credentials") else "high"


def as_vulnerability(secret: Secret) -> Vulnerability:
    """A secret that was found, without the secret."""
    guess = secret.confidence == "low"
    kind = "password or key" if secret.kind == KEYWORD else secret.kind
    return {
        "type": "high_entropy_string" if guess else "hardcoded_secret",
        "severity": "medium" if guess else "high",
        "line": secret.line,
        "message": "A string looks random enough to be a secret" if guess else f"A secret is written in here ({kind})",
        "recommendation": SECRET_ADVICE,
        "cwe": SECRET_CWE,
        "confidence": secret.confidence,
    }
