"""Questions to syntax trees that are asked of whole files. Runs in workers only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import cast

from ast_grep_py import Config

from members.code_analyzer.languages import LANGUAGES
from members.code_analyzer.rules import parse

GRAMMARS: Mapping[str, str] = {
    **{each.extension.lstrip("."): each.grammar for each in LANGUAGES if each.grammar},
    **dict.fromkeys(("pyi", "pyw"), "python"),
    **dict.fromkeys(("mjs", "cjs", "jsx"), "javascript"),
    **dict.fromkeys(("mts", "cts"), "typescript"),
    **dict.fromkeys(("cc", "cxx", "hpp", "hh", "hxx"), "cpp"),
    **dict.fromkeys(("rake", "gemspec"), "ruby"),
    "h": "c",
    "kts": "kotlin",
    "bash": "bash",
    "yml": "yaml",
}
"""ast-grep's name of the language, by file extension."""

LEAVES = {
    "python": "return_statement raise_statement break_statement continue_statement",
    "javascript": "return_statement throw_statement break_statement continue_statement",
    "typescript": "return_statement throw_statement break_statement continue_statement",
    "tsx": "return_statement throw_statement break_statement continue_statement",
    "java": "return_statement throw_statement break_statement continue_statement",
    "go": "return_statement break_statement continue_statement",
    "c": "return_statement break_statement continue_statement goto_statement",
    "cpp": "return_statement throw_statement break_statement continue_statement goto_statement",
    "php": "return_statement break_statement continue_statement",
    "ruby": "return break next",
    "rust": "return_expression break_expression continue_expression",
}
"""Kinds of statements after which the next one in the block is never reached, by grammar."""

FOLLOWS = {
    "python": "expression_statement return_statement if_statement for_statement while_statement with_statement "
    "try_statement raise_statement assert_statement",
    "javascript": "expression_statement return_statement if_statement for_statement for_in_statement while_statement "
    "do_statement try_statement throw_statement switch_statement lexical_declaration",
    "java": "expression_statement return_statement if_statement for_statement enhanced_for_statement while_statement "
    "do_statement try_statement throw_statement local_variable_declaration",
    "go": "expression_statement return_statement if_statement for_statement short_var_declaration "
    "assignment_statement inc_statement dec_statement var_declaration go_statement defer_statement",
    "c": "expression_statement return_statement if_statement for_statement while_statement do_statement "
    "switch_statement declaration",
    "php": "expression_statement return_statement if_statement foreach_statement for_statement while_statement "
    "echo_statement try_statement",
    "ruby": "call assignment if unless while return operator_assignment",
    "rust": "let_declaration expression_statement",
}
ALIKE = {"typescript": "javascript", "tsx": "javascript", "cpp": "c"}

HINT = re.compile(
    r"^([ \t]+)(?:return|throw|raise|break|continue|next|goto)\b[^\n{(\[]*(?:[(\[][^\n]*)?\n(?:[ \t]*\n)*"
    r"\1(?!case\b|default\b|else|end|when|elif|except|finally|rescue|ensure|catch|\.|\?|:|\|\||&&|\+)[^\s}\])#@]",
    re.MULTILINE,
)
"""Cheaper than a tree: a line that leaves, and one of the same depth below it."""


def may_be_unreachable(marked: str) -> bool:
    """Is the tree worth looking at?"""
    return HINT.search(marked) is not None


def unreachable_lines(code: str, grammar: str) -> list[int]:
    """Lines of the first statements that nothing can reach, in a text that the grammar reads without error."""
    if grammar not in LEAVES:
        return []
    root = parse(code, grammar)
    if root.find(kind="ERROR") is not None:
        return []
    after = any_of(FOLLOWS[ALIKE.get(grammar, grammar)].split())
    gone = any_of(LEAVES[grammar].split())
    if grammar == "rust":
        gone = {"kind": "expression_statement", "has": gone}
    config = {"rule": {"all": [after, {"follows": {**gone, "stopBy": "neighbor"}}, {"not": {"regex": "^yield\\b"}}]}}
    return [node.range().start.line + 1 for node in root.find_all(cast(Config, config))]


def any_of(kinds: Iterable[str]) -> dict[str, object]:
    return {"any": [{"kind": kind} for kind in kinds]}
