"""Adapters: any MCP server that exists becomes a member, as a child process or behind a URL.

`targets`    what is to be joined, and the environment a child sees; `clientfile` reads it from a client's configuration
`link`       what a way to a server is: requests out, responses and notifications back
`stdio`      a link to a `child`; `http` a link to a URL, with `sse` to read its streams
`session`    a link on which both sides agreed how to speak: 2026-07-28, or an older revision translated here
`upstream`   one session kept alive: lost, opened again with back-off, answered for meanwhile; `watch` asks a silent
             server for signs of life, `liveness` judges its silence, `rules` says how eager to be
`forwarding` the server object that a `Member` serves, each request handed to the upstream
`joined`     the member itself: present while its server is, gone while it is not
`adoption`   members that registered over HTTP, joined by their `endpoints.mcp`; `health` watches the other endpoint
`desk`       the other way round: a stdio server for a client of this machine, over `buslink` or a gateway's URL
"""

from __future__ import annotations

from members.adapters.joined import Described, Joined
from members.adapters.targets import HttpTarget, StdioTarget, Target, Unusable

__all__ = ["Described", "HttpTarget", "Joined", "StdioTarget", "Target", "Unusable"]
