"""What is small and flat enough to be looked at. Measured without recursion, before anything that recurses sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from members.sandbox.refusals import Invalid, TooLarge


def require_flat(field: str, value: Any, max_depth: int) -> None:
    """Return when no path through the value is longer than `max_depth`. Raises TooLarge naming the field."""
    level = [value]
    for _ in range(max_depth):
        level = [child for each in level for child in children(each)]
        if not level:
            return
    raise TooLarge(f"{field} is nested more than {max_depth} levels deep", field=field, max_depth=max_depth)


def children(value: Any) -> list[Any]:
    """The lists and objects directly inside a value."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [each for each in inside if isinstance(each, dict | list)]


def require_small(values: Mapping[str, Any], max_bytes: int) -> None:
    """Return when the named values together are no larger than the limit, as JSON. Raises TooLarge, or Invalid for
    what is no JSON."""
    names = " and ".join(values)
    try:
        size = sum(len(json.dumps(each, ensure_ascii=False, allow_nan=False).encode()) for each in values.values())
    except (ValueError, TypeError):
        raise Invalid(f"{names} must be JSON: no NaN, no infinity, no broken characters") from None
    if size > max_bytes:
        raise TooLarge(f"{names} have {size} bytes; at most {max_bytes} are taken", max_bytes=max_bytes)
