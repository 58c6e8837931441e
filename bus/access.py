"""Who asks and what it may: principals and scopes. Pure.

A scope is `discover`, `call`, `register`, `observe` or `admin`. The first three may be narrowed: `call:member=ID`,
`call:tag=T`, `call:tool=ID/TOOL`, `discover:member=ID`, `discover:tag=T`, `register:prefix=P`, `register:member=ID`. A
`*` that ends a member id stands for every id that begins so, and is a character like others in a tag or a tool's name.
What cannot stand in a scope there (a space, a quote, a backslash, `%`) is written `%XX`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote, unquote

from bus.errors import InvalidRequest
from bus.names import ID_PATTERN, MAX_TOOL_NAME

MAX_NAME = 128
NAME_PATTERN = rf"^[A-Za-z0-9._@:/+-]{{1,{MAX_NAME}}}$"
"""What a principal's name is made of."""
MAX_SCOPES = 64
MAX_SCOPE = 512
"""Characters of one scope."""

_NAME = re.compile(NAME_PATTERN[1:-1])
_ID = ID_PATTERN[1:-1]
_MEMBER = re.compile(rf"{_ID}|[A-Za-z0-9_-]{{0,63}}\*")
_PREFIX = re.compile(_ID)
_SAFE = "!#$&'()+,-./:;<=>?@[]^_`{|}~"
"""Beside letters and digits, what a scope's value may hold as it is: what OAuth lets a scope hold, without `%*`."""


class Right(StrEnum):
    """What there is to be allowed, from the smallest to the whole."""

    DISCOVER = "discover"
    """See members, their tools, prompts and resources."""
    CALL = "call"
    """Use them."""
    REGISTER = "register"
    """Announce a member, keep it alive and withdraw it."""
    OBSERVE = "observe"
    """See figures of the gateway and of all who use it."""
    ADMIN = "admin"
    """Everything."""


class Via(StrEnum):
    """How a principal proved who it is."""

    LOCAL = "local"
    API_KEY = "api-key"
    OAUTH = "oauth"
    CERTIFICATE = "certificate"


class By(StrEnum):
    """What narrows a scope."""

    MEMBER = "member"
    TAG = "tag"
    TOOL = "tool"
    PREFIX = "prefix"


NARROWED: Mapping[Right, frozenset[By]] = {
    Right.DISCOVER: frozenset({By.MEMBER, By.TAG}),
    Right.CALL: frozenset({By.MEMBER, By.TAG, By.TOOL}),
    Right.REGISTER: frozenset({By.PREFIX, By.MEMBER}),
}
"""By what each right may be narrowed; the others cannot be."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope, narrowed or (`by` is None) whole."""

    right: Right
    by: By | None = None
    value: str = ""
    """A member id or the beginning of one with `*`, a tag, the beginning of an id."""
    tool: str = ""
    """Of a scope narrowed by tool, whose `value` is the member."""

    @staticmethod
    def parse(text: str) -> Scope:
        """The scope that `text` is. Raises InvalidRequest."""
        word, colon, narrowing = text.partition(":")
        if word not in Right.__members__.values() or len(text) > MAX_SCOPE:
            raise InvalidRequest(f"scope: {text[:80]!r} is none of {', '.join(Right)}", details={"field": "scope"})
        right = Right(word)
        return _narrowed(right, narrowing, text) if colon else Scope(right)

    def __str__(self) -> str:
        if self.by is None:
            return self.right.value
        value = self.value if self.by in (By.MEMBER, By.TOOL) else quote(self.value, safe=_SAFE)
        return f"{self.right}:{self.by}={value}" + (f"/{quote(self.tool, safe=_SAFE)}" if self.by is By.TOOL else "")

    def holds(self, member: str, tags: Collection[str] = ()) -> bool:
        """Whether it reaches a member, or something of it."""
        if self.by is None:
            return True
        if self.by is By.TAG:
            return self.value in tags
        if self.by is By.PREFIX:
            return member.startswith(self.value)
        return member == self.value or (self.value.endswith("*") and member.startswith(self.value[:-1]))

    def holds_tool(self, member: str, tool: str, tags: Collection[str] = ()) -> bool:
        """Whether it reaches a member's tool."""
        return (self.by is not By.TOOL or self.tool == tool) and self.holds(member, tags)


def _narrowed(right: Right, narrowing: str, text: str) -> Scope:
    word, equals, value = narrowing.partition("=")
    possible = NARROWED.get(right, frozenset())
    if not equals or word not in possible:
        ways = ", ".join(f"{right}:{by}=…" for by in sorted(possible)) or f"{right} alone"
        raise InvalidRequest(f"scope: {text[:80]!r} is narrowed as nothing is; {ways}", details={"field": "scope"})
    member, slash, tool = value.partition("/") if word == By.TOOL else (value, "", "")
    scope = Scope(right, By(word), member if word in (By.MEMBER, By.TOOL) else unquote(member), unquote(tool))
    if not _WELL_FORMED[scope.by or By.MEMBER](scope) or (word == By.TOOL and not slash):
        raise InvalidRequest(f"scope: {text[:80]!r} names no {word} that can be", details={"field": "scope"})
    return scope


_WELL_FORMED: Mapping[By, Callable[[Scope], bool]] = {
    By.MEMBER: lambda scope: _MEMBER.fullmatch(scope.value) is not None,
    By.TAG: lambda scope: 0 < len(scope.value) <= MAX_TOOL_NAME and scope.value.isprintable(),
    By.TOOL: lambda scope: (
        _MEMBER.fullmatch(scope.value) is not None and 0 < len(scope.tool) <= MAX_TOOL_NAME and scope.tool.isprintable()
    ),
    By.PREFIX: lambda scope: _PREFIX.fullmatch(scope.value) is not None,
}


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a principal may. Equal when the same scopes were given, in whatever order."""

    given: frozenset[Scope]
    whole: frozenset[Right] = field(init=False, compare=False, repr=False)
    """The rights held without any narrowing."""
    text: str = field(init=False, compare=False, repr=False)
    """As `parse` reads it, always in one order."""

    def __post_init__(self) -> None:
        whole = frozenset(scope.right for scope in self.given if scope.by is None)
        object.__setattr__(self, "whole", frozenset(Right) if Right.ADMIN in whole else whole)
        object.__setattr__(self, "text", " ".join(sorted(map(str, self.given))))

    @staticmethod
    def parse(text: str | Iterable[str]) -> Scopes:
        """The scopes of a text that separates them by spaces, or of one text each. Raises InvalidRequest."""
        words = text.split() if isinstance(text, str) else list(text)
        if len(words) > MAX_SCOPES:
            raise InvalidRequest(f"scope: {len(words)} scopes, the limit is {MAX_SCOPES}", details={"field": "scope"})
        return Scopes(frozenset(map(Scope.parse, words)))

    @staticmethod
    def understood(words: Iterable[str]) -> Scopes:
        """Those of `words` that are scopes; others are somebody else's, and what is over the limit is not held."""
        return Scopes(frozenset(list(_readable(words))[:MAX_SCOPES]))

    def __str__(self) -> str:
        return self.text

    def __contains__(self, right: Right) -> bool:
        """Whether the right is held, narrowed or whole."""
        return right in self.whole or any(scope.right is right for scope in self.given)

    def of(self, right: Right) -> tuple[Scope, ...]:
        """The narrowed scopes of a right."""
        return tuple(scope for scope in self.given if scope.right is right and scope.by is not None)

    def needs_tags(self, right: Right) -> bool:
        """Whether a member's tags decide; where they do not, nobody has to look for them."""
        return right not in self.whole and any(scope.by is By.TAG for scope in self.of(right))

    def may_see(self, member: str, tags: Collection[str] = ()) -> bool:
        """Whether a member with those tags may be seen. What something of may be called, may be seen."""
        if Right.DISCOVER in self.whole or Right.CALL in self.whole:
            return True
        seeing = (scope for scope in self.given if scope.right in (Right.DISCOVER, Right.CALL))
        return any(scope.holds(member, tags) for scope in seeing)

    def may_call(self, member: str, tool: str, tags: Collection[str] = ()) -> bool:
        """Whether a member's tool may be called; `tags` are the member's."""
        if Right.CALL in self.whole:
            return True
        return any(scope.holds_tool(member, tool, tags) for scope in self.of(Right.CALL))

    def may_use(self, member: str, tags: Collection[str] = ()) -> bool:
        """Whether all of a member may be used: its prompts and resources too, which no scope of a tool reaches."""
        if Right.CALL in self.whole:
            return True
        return any(scope.by is not By.TOOL and scope.holds(member, tags) for scope in self.of(Right.CALL))

    def may_register(self, member: str) -> bool:
        """Whether a member of that id may be announced, kept alive and withdrawn."""
        if Right.REGISTER in self.whole:
            return True
        return any(scope.holds(member) for scope in self.of(Right.REGISTER))


def _readable(words: Iterable[str]) -> Iterable[Scope]:
    for word in words:
        try:
            yield Scope.parse(word)
        except InvalidRequest:
            continue


EVERY_SCOPE = Scopes(frozenset({Scope(Right.ADMIN)}))


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, proved in one way. Raises InvalidRequest for a name outside `NAME_PATTERN`."""

    name: str
    """Empty for nobody in particular."""
    scopes: Scopes
    via: Via

    def __post_init__(self) -> None:
        if self.via is not Via.LOCAL and _NAME.fullmatch(self.name) is None:
            raise InvalidRequest(
                f"name: 1 to {MAX_NAME} of letters, digits and ._@:/+-, not {self.name[:80]!r}",
                details={"field": "name"},
            )

    @property
    def anonymous(self) -> bool:
        """Whether it is nobody in particular."""
        return not self.name

    def may(self, right: Right) -> bool:
        """Whether it holds the right at all, narrowed or whole: enough to be let in to ask for something."""
        return right in self.scopes

    def may_discover(self, manifest: Mapping[str, Any]) -> bool:
        """Whether it may see the member of that manifest (`id`, `tags`)."""
        return self.scopes.may_see(str(manifest.get("id", "")), manifest.get("tags") or ())

    def may_call(self, member: str, tool: str, tags: Collection[str] = ()) -> bool:
        """As `Scopes.may_call`."""
        return self.scopes.may_call(member, tool, tags)

    def may_use(self, member: str, tags: Collection[str] = ()) -> bool:
        """As `Scopes.may_use`."""
        return self.scopes.may_use(member, tags)

    def may_register(self, member: str) -> bool:
        """As `Scopes.may_register`."""
        return self.scopes.may_register(member)

    def may_observe(self) -> bool:
        """Whether it may see the figures of all who use the gateway."""
        return Right.OBSERVE in self.scopes.whole

    def may_admin(self) -> bool:
        """Whether it may do everything."""
        return Right.ADMIN in self.scopes.whole


LOCAL = Principal("", EVERY_SCOPE, Via.LOCAL)
"""The anonymous caller of a loopback gateway that asks for no credentials: nobody in particular, with every scope."""
