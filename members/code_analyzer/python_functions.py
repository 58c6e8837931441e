"""The functions of a Python file from its syntax tree: names, places, sizes, decisions. Runs in workers only.

They count as lizard counts them, in half of its time. A function's complexity is one, and one more for each `if`,
`elif`, `for`, `while`, `except`, `finally`, `case`, `and` and `or` in it, those of comprehensions, lambdas and
f-strings included; what stands in an inner function counts there alone.

Lizard goes by tokens, and where it differs the tree is right: lizard loses functions whose body stands on the line of
the signature, and the body below a return type of several lines; counts the first line of an inner function for the
outer one as well; takes text in single quotes that documents something for code, and text in a dictionary for none;
and looks away where a comment asks it to. Both leave out declarations, whose body is an ellipsis on the line of the
signature.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from members.code_analyzer.thresholds import Function

Definition = ast.FunctionDef | ast.AsyncFunctionDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LITERALS = (ast.Constant, ast.JoinedStr)

DECISIONS: Mapping[type[ast.AST], Callable[[Any], int]] = {
    **dict.fromkeys((ast.If, ast.IfExp, ast.For, ast.AsyncFor), lambda _: 1),
    **dict.fromkeys((ast.While, ast.ExceptHandler), lambda _: 1),
    **dict.fromkeys((ast.Try, ast.TryStar), lambda node: bool(node.finalbody)),
    ast.match_case: lambda node: 1 + bool(node.guard),
    ast.BoolOp: lambda node: len(node.values) - 1,
    ast.comprehension: lambda node: 1 + len(node.ifs),
}
"""How much each kind of node adds to the complexity of the function that it stands in."""

BARREN = {"ctx", "op", "ops", "names", "type_comment", "type_ignores"}
"""Fields below which nothing is of interest."""

INSIDE: Mapping[type[ast.AST], tuple[str, ...]] = {
    kind: tuple(name for name in kind._fields if name not in BARREN)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and kind not in (ast.Name, ast.Constant)
}
"""The fields of each kind of node that may hold others; they may also hold plain values, which are of no kind."""

TRIPLE = re.compile(rb"""[A-Za-z]{0,2}(?:'''|\""")""")
EMPTY = re.compile(r"[ \t\f]*(?:#|$)")


@dataclass(slots=True)
class Scope:
    """A function, or the file around all of them: what has been found in it, and not in functions inside of it."""

    name: str
    first: int = 0
    last: int = 0
    parameters: int = 0
    declares: bool = False
    decisions: int = 0
    inner: list[Scope] = field(default_factory=list)


@dataclass(slots=True)
class Source:
    """The lines of a file, its strings of more than one line, and those that are statements."""

    lines: Sequence[str]
    long: list[ast.expr] = field(default_factory=list)
    unused: list[ast.expr] = field(default_factory=list)


def python_functions(text: str) -> list[Function] | None:
    """All functions in the order of their lines, or None when this Python cannot parse the text, whose lines end in
    a line feed alone. A method's name is its own; that of an inner function begins with the outer one's and a dot."""
    tree = parsed(text)
    if tree is None:
        return None
    source = Source(text.split("\n"))
    scopes = list(explored(tree, source))
    code = list(accumulate(code_lines(source), initial=0)) if scopes else []
    found = [function(each, code) for each in scopes if not each.declares]
    return sorted(found, key=lambda each: each.line)


def parsed(text: str) -> ast.Module | None:
    """The tree. What the parser has to say about the text is not passed on."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two where it is nested too deeply
        return None


def explored(tree: ast.Module, source: Source) -> Iterator[Scope]:
    """Every function, however deep, with what is in it. Not recursive: a tree may be deeper than Python's stack."""
    waiting: list[tuple[Scope, list[Any]]] = [(Scope(""), [tree])]
    while waiting:
        scope, nodes = waiting.pop()
        for definition in counted(scope, nodes, source):
            inner = opened(definition, scope.name, source)
            scope.inner.append(inner)
            waiting.append((inner, [definition.args, definition.returns, *definition.body]))
            yield inner


def counted(scope: Scope, nodes: list[Any], source: Source) -> list[Definition]:
    """Take the nodes into the scope, without the functions below them, which are returned. Decorators are outside of
    what they decorate."""
    found: list[Definition] = []
    while nodes:
        node = nodes.pop()
        kind = node.__class__
        if kind in DEFINITIONS:
            found.append(node)
            nodes += node.decorator_list
            continue
        if kind in DECISIONS:
            scope.decisions += DECISIONS[kind](node)
        elif kind is ast.Expr and is_text(node.value):
            source.unused.append(node.value)
            continue
        elif kind in LITERALS and node.end_lineno != node.lineno:
            source.long.append(node)
        for name in INSIDE.get(kind, ()):
            value = getattr(node, name)
            if value.__class__ is list:
                nodes += value
            else:
                nodes.append(value)
    return found


def opened(definition: Definition, outside: str, source: Source) -> Scope:
    """A function in which nothing has been found yet."""
    return Scope(
        name=f"{outside}.{definition.name}" if outside else definition.name,
        first=definition.lineno,
        last=last_line(definition),
        parameters=parameters(definition.args),
        declares=declares(definition.body, source),
    )


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def declares(body: Sequence[ast.stmt], source: Source) -> bool:
    """Is it an ellipsis on the last line of a signature?"""
    match body:
        case [ast.Expr(ast.Constant(value)) as only] if value is ...:
            return not source.lines[only.lineno - 1].lstrip().startswith("...")
    return False


def parameters(taken: ast.arguments) -> int:
    """Everything that has a name."""
    return sum(map(len, (taken.posonlyargs, taken.args, taken.kwonlyargs))) + bool(taken.vararg) + bool(taken.kwarg)


def last_line(node: ast.stmt | ast.expr) -> int:
    return node.end_lineno or node.lineno


def code_lines(source: Source) -> bytearray:
    """For each line 1 where it is code, else 0."""
    lines = source.lines
    code = bytearray(EMPTY.match(line) is None for line in lines)
    for each in source.long:
        first, last = each.lineno, last_line(each)
        if TRIPLE.match(lines[first - 1].encode("utf-8", "replace"), each.col_offset):
            code[first - 1 : last] = b"\1" * (last - first + 1)
    for each in source.unused:
        shared = bool(lines[each.lineno - 1][: each.col_offset].strip())
        first, last = each.lineno + shared, last_line(each)
        code[first - 1 : last] = bytes(last - first + 1)
    return code


def function(scope: Scope, code: Sequence[int]) -> Function:
    """A function as it is told; `code` counts the lines of code before each line."""
    own = lines_within(scope, code) - sum(lines_within(each, code) for each in scope.inner)
    return Function(scope.name, scope.first, own, 1 + scope.decisions, scope.parameters)


def lines_within(scope: Scope, code: Sequence[int]) -> int:
    return code[scope.last] - code[scope.first - 1]
