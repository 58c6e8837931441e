"""The context of a call, as tools ask for it: the SDK's own, and who the call is for."""

from __future__ import annotations

from typing import Any

from mcp.server.context import LifespanContextT, RequestT
from mcp.server.mcpserver import Context as SdkContext

from members.identity import Caller, current_caller


class Context(SdkContext[LifespanContextT, RequestT]):
    """What a tool, prompt or resource gets in a parameter annotated with it."""

    @property
    def caller(self) -> Caller | None:
        """Who the call is for, as a gateway found out; None: nobody in particular."""
        return current_caller()


def with_caller(context: SdkContext[Any, Any] | None) -> Context[Any, Any] | None:
    """The SDK's context as ours. What it is made of has no public names, and is named nowhere else here."""
    if context is None or isinstance(context, Context):
        return context
    return Context(
        request_context=context._request_context,
        mcp_server=context._mcp_server,
        input_params=context._input_params,
        subscriptions=context._subscriptions,
    )
