"""A person's words, put to one state of the text index: which query to try first, and which when that finds nobody.

A word somebody has is taken as it is; one that nobody has may be mistyped. Rare words weigh more than common ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tantivy import Query, Searcher

from directory.fulltext import Fulltext, Term, rarity

MAX_CORRECTIONS = 4
"""Mistyped words looked up in one question: each costs as much as many right ones."""


class Clause(NamedTuple):
    """One word as it is looked for, and how many members have it so."""

    query: Query
    found: int


class Question:
    """The queries of one question, the strictest first."""

    def __init__(self, fulltext: Fulltext, searcher: Searcher, text: str) -> None:
        self._fulltext = fulltext
        self._searcher = searcher
        self._asked = fulltext.asked(text)
        self._exact: dict[Term, Clause] = {}
        self._corrected: dict[Term, Clause] = {}

    def queries(self) -> Iterator[Query]:
        """Every word as it is; every word, the unknown ones corrected; any word. None that can find nobody."""
        words = self._fulltext.terms(self._asked, every=True)
        if not words:
            return
        as_said = [self._clause(word) for word in words]
        if all(clause.found for clause in as_said):
            yield self._joined(as_said, every=True)
        else:
            corrected = [self._likely(word) for word in words]
            if all(clause.found for clause in corrected):
                yield self._joined(corrected, every=True)
        yield from self._any()

    def _any(self) -> Iterator[Query]:
        parts = self._fulltext.terms(self._asked, every=False)
        known = [clause for clause in map(self._likely, parts) if clause.found]
        if known and len(parts) > 1:
            yield self._joined(known, every=False)

    def _joined(self, clauses: Sequence[Clause], *, every: bool) -> Query:
        total = self._searcher.num_docs
        weighed = [Query.boost_query(clause.query, rarity(clause.found, total)) for clause in clauses]
        return self._fulltext.joined(weighed, self._asked, every=every)

    def _clause(self, word: Term) -> Clause:
        if word not in self._exact:
            self._exact[word] = self._counted(self._fulltext.clause(word))
        return self._exact[word]

    def _likely(self, word: Term) -> Clause:
        """The word as it is, or else as it may have been meant."""
        exact = self._clause(word)
        if exact.found:
            return exact
        if word not in self._corrected:
            if len(self._corrected) >= MAX_CORRECTIONS:
                return exact
            self._corrected[word] = self._counted(self._fulltext.clause(word, typos=True))
        return self._corrected[word]

    def _counted(self, query: Query) -> Clause:
        result = self._searcher.search(query, limit=1)
        return Clause(query, int(result.count))  # type: ignore[attr-defined]  # missing in the stub only
