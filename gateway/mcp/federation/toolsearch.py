"""Which tools a few words mean: an index of what tools and their members say of themselves, and a ranking.

The directory ranks members; this ranks tools. A word counts more the rarer it is, most in a tool's name, and a
mistyped or differently ended word counts as the ones it resembles.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from heapq import nsmallest

from rapidfuzz import fuzz, process
from rapidfuzz.distance import JaroWinkler

from gateway.mcp.federation.offers import ListedTool, Offer
from gateway.mcp.federation.words import OWNER, weighed, words_of

MAX_WORDS = 8
"""Words of a query that count."""
MAX_SIMILAR = 6
SIMILARITY = 0.88
_RERANKED = 50
_COMMON = 2_000
"""A word that more tools say is taken as it is written, and for no other; so is a number."""


@dataclass(frozen=True, slots=True)
class Found:
    """A tool with how well it fits; larger is better."""

    tool: ListedTool
    score: float


class ToolSearch:
    """The index. Synchronous; `add` and `remove` take a member as a whole."""

    def __init__(self) -> None:
        self._tools: dict[int, ListedTool] = {}
        self._numbers: dict[str, list[int]] = {}
        self._words: dict[str, tuple[str, ...]] = {}
        self._postings: dict[str, dict[int, int]] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._tools)

    def add(self, offer: Offer) -> None:
        """Index the tools of a member that is not in it."""
        about = weighed((offer.name, offer.id, *offer.tags, *offer.capabilities), OWNER)
        self._words[offer.id] = tuple(about)
        numbers = self._numbers[offer.id] = []
        for tool in offer.tools:
            self._last += 1
            self._tools[self._last] = tool
            numbers.append(self._last)
            for word, weight in (about | dict(tool.words)).items():
                self._postings.setdefault(word, {})[self._last] = weight

    def remove(self, offer: Offer) -> None:
        """Forget a member's tools."""
        about = self._words.pop(offer.id, ())
        for number in self._numbers.pop(offer.id, ()):
            for word in {*about, *self._tools.pop(number).words}:
                postings = self._postings[word]
                del postings[number]
                if not postings:
                    del self._postings[word]

    def find(
        self,
        query: str,
        favoured: Sequence[str],
        owners: AbstractSet[str],
        limit: int,
        *,
        wanted: Callable[[ListedTool], bool] = lambda _: True,
    ) -> list[Found]:
        """The best tools for `query`, best first.

        `favoured` are members that fit it as a whole, best first; `owners` are those whose tools are looked at, and
        `wanted` tells which of them.
        """
        scores = self._scored(words_of(query)[:MAX_WORDS])
        for rank, member in enumerate(favoured):
            for number in self._numbers.get(member, ()):
                scores[number] = scores.get(number, 0.05) * (1 + 0.5 / (1 + rank)) + 0.01 / (1 + rank)
        tools = self._tools
        fitting = ((-score, number) for number, score in scores.items() if tools[number].member in owners)
        best = nsmallest(max(limit, _RERANKED), (one for one in fitting if wanted(tools[one[1]])))
        return self._reranked(query, [(number, -score) for score, number in best])[:limit]

    def _scored(self, words: Sequence[str]) -> dict[int, float]:
        scores: defaultdict[int, float] = defaultdict(float)
        hits: defaultdict[int, int] = defaultdict(int)
        for word in words:
            for number, worth in self._worths(word).items():
                scores[number] += worth
                hits[number] += 1
        return {number: score * hits[number] / len(words) for number, score in scores.items()}

    def _worths(self, word: str) -> dict[int, float]:
        """What the best likeness of one word is worth, by tool."""
        best: dict[int, float] = {}
        for known, likeness in self._similar(word):
            postings = self._postings[known]
            worth = likeness * math.log(1 + len(self._tools) / len(postings))
            for number, weight in postings.items():
                best[number] = max(best.get(number, 0.0), worth * weight)
        return best

    def _similar(self, word: str) -> list[tuple[str, float]]:
        """Words of the index that `word` may mean, each with its likeness: itself, if it is one, and its kin."""
        postings = self._postings.get(word, ())
        if word.isdigit() or len(postings) > _COMMON:
            return [(word, 1.0)] if postings else []
        alike = JaroWinkler.normalized_similarity
        found = process.extract(word, list(self._postings), scorer=alike, score_cutoff=SIMILARITY, limit=MAX_SIMILAR)
        return [(known, 1.0 if known == word else 0.6 * likeness**4) for known, likeness, _ in found]

    def _reranked(self, query: str, best: Sequence[tuple[int, float]]) -> list[Found]:
        """Near ties are settled by how much the whole text resembles the whole query."""
        asked = query.lower()
        found = []
        for number, score in best:
            tool = self._tools[number]
            likeness = fuzz.token_set_ratio(asked, f"{tool.own} {tool.summary}".lower()) / 100
            found.append(Found(tool, score * (1 + 0.2 * likeness)))
        return sorted(found, key=lambda one: (-one.score, one.tool.name))
