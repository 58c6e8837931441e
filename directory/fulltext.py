"""How a manifest becomes a document of the full-text index, and a person's words a question to it.

A member scores by the best place each word is found in: its own name, a tool's name, a label, prose. Scores depend on
nothing but the members that are there (no term frequencies, no leftovers of deleted documents) and are sums of
binary fractions, so that every replica ranks alike and a second page continues the first wherever it is asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tantivy import Document, Filter, Index, Occur, Query, SchemaBuilder, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from directory.member import name_of, tools_of, words
from directory.words import Compound, compounds, spelled, squashed

BOOSTS = {"title": 8.0, "tool": 7.0, "label": 6.0, "prose": 5.0}
"""What a whole word is worth by where it is found; as a beginning of a word half of that, mistyped a quarter. So a
whole word anywhere is worth more than a beginning in a name."""

EXACT_BOOST = 64.0
"""What it is worth that the words are exactly the id, the name or a tool's name."""

MAX_WORDS = 16
"""Words of a question that are looked at."""
_MAX_TOKEN = 100


class Asked(NamedTuple):
    """What a person wants to know."""

    words: list[Compound]
    whole: str
    """The whole question in one piece, in case that it is a name."""


class Term(NamedTuple):
    """One word to look for."""

    compound: Compound
    unfinished: bool
    """Whether it may be only the beginning of a word: true of the very last."""


class Fulltext:
    """The fields of the index, and the analysis that documents and questions share."""

    def __init__(self) -> None:
        self._stemmed = _analyzer(Filter.stemmer("english"))
        self._plain = _analyzer()
        self._unstopped = _analyzer(Filter.stopword("english"))
        builder = SchemaBuilder().add_integer_field("ordinal", indexed=True, fast=True)
        builder = builder.add_text_field("exact", tokenizer_name="plain", index_option="basic")
        for field in BOOSTS:
            builder = builder.add_text_field(field, tokenizer_name="stemmed", index_option="basic")
            builder = builder.add_text_field(_as_typed(field), tokenizer_name="plain", index_option="basic")
        self._schema = builder.build()

    def index(self) -> Index:
        """An empty index in memory."""
        index = Index(self._schema)
        index.register_tokenizer("stemmed", self._stemmed)
        index.register_tokenizer("plain", self._plain)
        index.config_reader("manual")
        return index

    def document(self, ordinal: int, member: str, manifest: Mapping[str, Any]) -> Document:
        """What is searched of a manifest; `ordinal` is how a hit names its member."""
        document = Document()
        document.add_integer("ordinal", ordinal)
        document.add_text("exact", " ".join(map(squashed, _names(member, manifest))))
        for field, text in _texts(member, manifest).items():
            said = spelled(text)
            document.add_text(field, said)
            document.add_text(_as_typed(field), said)
        return document

    def asked(self, text: str) -> Asked:
        """The words of a question, without those that say nothing unless there are no others."""
        said = _bounded(compounds(text))
        telling = [one for one in said if self._unstopped.analyze(one.whole)]
        return Asked(telling or said, squashed(text))

    def terms(self, asked: Asked, *, every: bool) -> list[Term]:
        """The words to look for: compounds where every one is wanted, their parts where any will do."""
        words = asked.words if every else [Compound((part,)) for one in asked.words for part in one.parts]
        return [Term(word, unfinished=at == len(words)) for at, word in enumerate(words, 1)]

    def joined(self, clauses: Iterable[Query], asked: Asked, *, every: bool) -> Query:
        """The whole question: every clause or any, and a prize for who is named exactly so."""
        occur = Occur.Must if every else Occur.Should
        exact = self._term("exact", self._plain, asked.whole, EXACT_BOOST)
        return Query.boolean_query([(occur, clause) for clause in clauses] + [(Occur.Should, exact)])

    def clause(self, term: Term, *, typos: bool = False) -> Query:
        """Members that have that word: in one piece, or all its parts anywhere."""
        parts = term.compound.parts
        whole = self._word(term.compound.whole, typos, term.unfinished)
        if len(parts) == 1:
            return whole
        first = [self._word(part, typos, False) for part in parts[:-1]]
        every = [(Occur.Must, part) for part in (*first, self._word(parts[-1], typos, term.unfinished))]
        return Query.disjunction_max_query([whole, Query.boolean_query(every)])

    def _word(self, word: str, typos: bool, unfinished: bool) -> Query:
        ways: list[Query] = []
        for field, boost in BOOSTS.items():
            ways.append(self._term(field, self._stemmed, word, boost))
            if unfinished:
                ways.append(self._near(field, word, 0, True, boost / 2))
            if typos and distance(word):
                ways.append(self._near(field, word, distance(word), unfinished, boost / 4))
        return Query.disjunction_max_query(ways)

    def _term(self, field: str, analyzer: TextAnalyzer, word: str, boost: float) -> Query:
        tokens = analyzer.analyze(word)
        if not tokens:
            return Query.empty_query()
        return Query.const_score_query(Query.term_query(self._schema, field, tokens[0], "basic"), boost)

    def _near(self, field: str, word: str, edits: int, beginning: bool, boost: float) -> Query:
        tokens = self._plain.analyze(word)
        if not tokens:
            return Query.empty_query()
        near = Query.fuzzy_term_query(self._schema, _as_typed(field), tokens[0], edits, prefix=beginning)
        return Query.const_score_query(near, boost)


def distance(word: str) -> int:
    """How many mistyped letters `word` forgives: none in short words and in numbers, at most two."""
    if len(word) < 4 or not word.isalpha():
        return 0
    return 1 if len(word) < 8 else 2


def rarity(found: int, total: int) -> float:
    """The weight of a word that `found` of `total` members have: 1 for all of them, 1 more for each halving."""
    return 1 + round(4 * math.log2(total / found)) / 4 if 0 < found <= total else 1.0


def _texts(member: str, manifest: Mapping[str, Any]) -> dict[str, str]:
    tools = tools_of(manifest)
    prose = [manifest.get("description"), *(tool.get(key) for tool in tools for key in ("title", "description"))]
    return {
        "title": f"{member} {name_of(manifest, '')}",
        "tool": _joined(tool.get("name") for tool in tools),
        "label": _joined((*words(manifest, "tags"), *words(manifest, "capabilities"))),
        "prose": _joined(prose),
    }


def _names(member: str, manifest: Mapping[str, Any]) -> list[str]:
    tools = (tool.get("name") for tool in tools_of(manifest))
    return [member, name_of(manifest, ""), *(name for name in tools if isinstance(name, str))]


def _bounded(asked: list[Compound]) -> list[Compound]:
    kept: list[Compound] = []
    room = MAX_WORDS
    for one in asked:
        if room > 0:
            kept.append(Compound(one.parts[:room]))
        room -= len(one.parts)
    return kept


def _analyzer(*more: Filter) -> TextAnalyzer:
    builder = TextAnalyzerBuilder(Tokenizer.whitespace()).filter(Filter.remove_long(_MAX_TOKEN))
    builder = builder.filter(Filter.lowercase()).filter(Filter.ascii_fold())
    for one in more:
        builder = builder.filter(one)
    return builder.build()


def _as_typed(field: str) -> str:
    """The twin of a field that keeps words unstemmed, for unfinished and mistyped ones."""
    return f"{field}_typed"


def _joined(values: Iterable[object]) -> str:
    return " ".join(value for value in values if isinstance(value, str))
