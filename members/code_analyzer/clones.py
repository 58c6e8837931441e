"""Code that stands in two places: the same run of tokens, whatever its layout, comments and literal strings.

At the beginning of each line a window of tokens is hashed. Workers write the hashes of their files into buckets on
disk; bucket by bucket equal hashes become pairs, and pairs that follow each other become blocks. Time grows with
the number of lines, memory with the largest bucket.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from members.code_analyzer.linecount import COMMENT
from members.sandbox.worker import Report

BUCKETS = 16
VARIETY = 20
"""A window of fewer different tokens is a table, not code that somebody copied."""
GLANCE = 40
"""Tokens at the beginning of a window that mostly show as much."""
MIN_LINES = 6
MAX_PAIRS = 300_000
MAX_SPAN = 0xFFFF
TOKEN = re.compile(rf"\w+|[^\w\s{COMMENT}]")
DECLARES = re.compile(r"[\s]*(import|from|package|using|use|require|include|#\s*include|extern crate)\b")
"""Lines that name other files: equal everywhere, and rightly so."""

Place = tuple[int, int, int]
"""File number, first and last line."""


@dataclass(slots=True)
class Fingerprints:
    """Hashes of one worker's files, by bucket: hash and place in turns."""

    min_tokens: int
    buckets: list[array[int]] = field(default_factory=lambda: [array("Q") for _ in range(BUCKETS)])

    def add(self, file: int, language: str, marked: str, first: int) -> None:
        """Take a file in: its text with marks for comments and strings, beginning in line `first`. Only code of the
        same language is compared."""
        tokens, starts, lines = tokens_of(marked, first)
        for start, line in zip(starts, lines, strict=True):
            window = tokens[start : start + self.min_tokens]
            if len(window) < self.min_tokens:
                return
            if len(set(window[:GLANCE])) >= VARIETY or len(set(window)) >= VARIETY:
                last = lines[bisect_right(starts, start + self.min_tokens - 1) - 1]
                self._keep(digest([language, *window]), packed(file, line, last))

    def _keep(self, hashed: int, place: int) -> None:
        self.buckets[hashed % BUCKETS].extend((hashed, place))

    def write(self, folder: Path) -> None:
        """One file for each bucket."""
        for number, bucket in enumerate(self.buckets):
            (folder / f"bucket-{number}").write_bytes(bucket.tobytes())


def tokens_of(marked: str, first: int) -> tuple[list[str], list[int], list[int]]:
    """All tokens; where in them each line that has any begins; and which lines those are."""
    tokens: list[str] = []
    starts: list[int] = []
    lines: list[int] = []
    for number, line in enumerate(marked.split("\n"), first):
        found = [] if DECLARES.match(line) else TOKEN.findall(line)
        if found:
            starts.append(len(tokens))
            lines.append(number)
            tokens += found
    return tokens, starts, lines


def digest(window: Sequence[str]) -> int:
    """The same in every process."""
    return int.from_bytes(blake2b("\0".join(window).encode("utf-8", "replace"), digest_size=8).digest())


def packed(file: int, first: int, last: int) -> int:
    """24 bits of file, 24 of line, 16 of span: places sort as their parts do."""
    return file << 40 | (first & 0xFFFFFF) << 16 | min(last - first, MAX_SPAN)


def unpacked(place: int) -> Place:
    first = place >> 16 & 0xFFFFFF
    return place >> 40, first, first + (place & MAX_SPAN)


def duplicates(arguments: Mapping[str, Any], _: Report) -> dict[str, Any]:
    """The job: `folders` of `Fingerprints.write` and `max_blocks` in; blocks, their number and all repeated lines
    out. A block is two places: where the code stands first and where again."""
    folders = [Path(folder) for folder in arguments["folders"]]
    pairs: list[tuple[int, int]] = []
    for bucket in range(BUCKETS):
        pairs += pairs_in([folder / f"bucket-{bucket}" for folder in folders], MAX_PAIRS - len(pairs))
    blocks = list(longest_first(merged(pairs)))
    kept = [(*one, *two) for one, two in blocks[: arguments["max_blocks"]]]
    return {"blocks": kept, "found": len(blocks), "lines": sum(last - first + 1 for _, (_, first, last) in blocks)}


def pairs_in(files: Sequence[Path], limit: int) -> list[tuple[int, int]]:
    """The first place and each further one of equal hashes, at most `limit`."""
    read = array("Q")
    for file in files:
        read.frombytes(file.read_bytes())
    pairs: list[tuple[int, int]] = []
    for _, group in groupby(sorted(zip(read[::2], read[1::2], strict=True)), key=itemgetter(0)):
        (_, first), *others = group
        pairs += ((first, other) for _, other in others if apart(unpacked(first), unpacked(other)))
        if len(pairs) >= limit:
            break
    return pairs[: max(limit, 0)]


def apart(one: Place, other: Place) -> bool:
    """Two places that do not overlap."""
    return one[0] != other[0] or other[1] > one[2]


def merged(pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[Place, Place]]:
    """Pairs of the same two files that go on from each other in both, as one block."""
    places = sorted((b, a) for a, b in ((unpacked(one), unpacked(two)) for one, two in pairs))
    for _, group in groupby(sorted(places, key=files_of), key=files_of):
        (two, one), *others = group
        for b, a in others:
            longer = (one[0], one[1], max(one[2], a[2]))
            if b[1] <= two[2] + 1 and one[1] <= a[1] <= one[2] + 1 and apart(longer, two):
                one, two = longer, (two[0], two[1], max(two[2], b[2]))
            else:
                yield one, two
                one, two = a, b
        yield one, two


def files_of(pair: tuple[Place, Place]) -> tuple[int, int]:
    return pair[0][0], pair[1][0]


def longest_first(blocks: Iterator[tuple[Place, Place]]) -> Iterator[tuple[Place, Place]]:
    """Blocks of enough lines, none of whose second places touches that of a longer one."""
    taken: dict[int, list[tuple[int, int]]] = {}
    for one, two in sorted(blocks, key=lambda block: (block[1][1] - block[1][2], block)):
        file, first, last = two
        spans = taken.setdefault(file, [])
        if last - first + 1 >= MIN_LINES and all(last < begin or first > end for begin, end in spans):
            spans.append((first, last))
            yield one, two
