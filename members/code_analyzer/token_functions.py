"""The functions that lizard finds in the tokens of a file, in three quarters of its time. Runs in workers only.

Lizard sends every token through four counters before a reader of the language sees it. Here one counter does what
they do, except for two things: it counts no tokens, and it does not obey comments that ask lizard to look away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lizard  # type: ignore[import-untyped]  # it ships no types

from members.code_analyzer.thresholds import Function

GENERATED = "GENERATED CODE"


def token_functions(path: str, text: str) -> list[Function]:
    """What lizard finds; nothing in a language that it does not read."""
    if lizard.get_reader_for(path) is None:
        return []
    found = ANALYZER.analyze_source_code(path, text).function_list
    return [
        Function(each.name, each.start_line, each.nloc, each.cyclomatic_complexity, parameters(each, path))
        for each in found
    ]


def parameters(function: Any, path: str) -> int:
    """How many a function takes. Of PHP's lists lizard keeps the names and loses the commas, and counts one."""
    count: int = function.parameter_count
    return sum(text.count("$") for text in function.full_parameters) if path.endswith(".php") else count


def counted(tokens: Iterator[str], reader: Any) -> Iterator[str]:
    """The tokens that are neither comments nor line ends; lines and decisions are added to the function that each
    stands in. Generated code ends the file, as in lizard."""
    context, conditions, comment_in = reader.context, reader.conditions, reader.get_comment_from_token
    context.current_line = begun = 1
    for token in tokens:
        if token == "\n":
            context.current_line += 1
            begun = 1
        elif (comment := comment_in(token)) is None:
            further = token.count("\n")
            function = context.current_function
            function.nloc += further + begun
            function.end_line = context.current_line = context.current_line + further
            function.cyclomatic_complexity += token in conditions
            context.newline = further + begun > 0
            begun = 0
            yield token
        elif GENERATED in comment:
            return
        elif further := len(comment.splitlines()[1:]):
            context.current_line += further
            begun = 1


ANALYZER = lizard.FileAnalyzer([lizard.preprocessing, counted])
