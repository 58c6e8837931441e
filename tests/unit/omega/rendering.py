"""What a person sees of something rich can draw, as plain text."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType


def drawn(renderable: RenderableType, *, width: int = 120) -> str:
    """`renderable` on a terminal of that width, without colours."""
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, color_system=None).print(renderable)
    return out.getvalue()
