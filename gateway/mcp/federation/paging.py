"""Pages of a long list made of members' shorter ones, with cursors that survive changes.

A cursor names a place (a member and how many of its items came before), not a count from the start: what joins or
leaves elsewhere between two pages neither repeats nor hides anything.
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import orjson

from bus.errors import InvalidRequest

_MAX_CURSOR = 512


@dataclass(frozen=True, slots=True)
class Group:
    """What one member adds to a list; groups stand in the order of their ids."""

    id: str
    items: Sequence[bytes]
    """Each as JSON."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a page is: it ends with the item that reaches either."""

    items: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins."""

    group: str = ""
    before: int = 0
    """Items of that group that came before."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; `next` is where the rest begins."""

    items: Sequence[bytes]
    next: Place | None


START = Place()


def cut(groups: Sequence[Group], place: Place, limits: Limits) -> Page:
    """The page of `groups` that begins at `place`."""
    items: list[bytes] = []
    size = 0
    for index in range(bisect_left(groups, place.group, key=attrgetter("id")), len(groups)):
        group = groups[index]
        first = place.before if group.id == place.group else 0
        for number in range(first, len(group.items)):
            if len(items) >= limits.items or size >= limits.bytes:
                return Page(items, Place(group.id, number))
            items.append(group.items[number])
            size += len(items[-1])
    return Page(items, None)


def written(kind: str, place: Place) -> str:
    """A cursor of a list of that kind."""
    return base64.urlsafe_b64encode(orjson.dumps([kind, place.group, place.before])).decode().rstrip("=")


def read(kind: str, cursor: object) -> Place:
    """The place of a cursor made by `written`; None is the start. Raises InvalidRequest."""
    if cursor is None:
        return START
    try:
        if not isinstance(cursor, str) or len(cursor) > _MAX_CURSOR:
            raise ValueError
        padded = cursor + "=" * (-len(cursor) % 4)
        made_for, group, before = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if made_for != kind or type(group) is not str or type(before) is not int or before < 0:
            raise ValueError
    except (ValueError, TypeError, binascii.Error) as exc:
        raise InvalidRequest("cursor: not one of this list", details={"field": "cursor"}) from exc
    return Place(group, before)
