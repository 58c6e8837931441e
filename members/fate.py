"""Why a tool did not return, noted where it is still known: the SDK turns every failure into a line of text."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError as McpToolError
from mcp.shared.exceptions import MCPError

from bus.errors import FederationError, ToolCrashed, ToolError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Fate:
    """What became of one call."""

    error: FederationError | None = None


fate_of_the_call: ContextVar[Fate | None] = ContextVar("fate_of_the_call", default=None)


def called_plainly() -> bool:
    """Whether the call that runs now is a plain one, and not MCP's: of those, and of no others, a fate is kept."""
    return fate_of_the_call.get() is not None


def guarded(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn`, noting in the fate of the call why it failed. It raises the SDK's own errors only."""
    if inspect.iscoroutinefunction(fn):

        @wraps(fn)
        async def run_async(**arguments: Any) -> Any:
            try:
                return await fn(**arguments)
            except Exception as exc:
                raise _noted(exc) from exc

        return run_async

    @wraps(fn)
    def run(**arguments: Any) -> Any:
        try:
            return fn(**arguments)
        except Exception as exc:
            raise _noted(exc) from exc

    return run


def _noted(exc: Exception) -> Exception:
    if isinstance(exc, MCPError):
        return exc
    error = _as_ours(exc)
    fate = fate_of_the_call.get()
    if fate is not None:
        fate.error = error
    return McpToolError(error.message)


def _as_ours(exc: Exception) -> FederationError:
    if isinstance(exc, FederationError):
        return exc
    if isinstance(exc, McpToolError):
        return ToolError(str(exc))
    log.error("tool_crashed", exc_info=exc)
    return ToolCrashed()
