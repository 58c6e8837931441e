"""The bus: what two processes of the federation must agree on, and nothing else.

Read in the order a message meets them:

`names`, `subjects`    who may be called what, and where each kind of message travels
`manifest`, `messages` what a member says of itself; heartbeats and queries
`codec`, `validation`  bytes to values, JSON or MessagePack, with limits
`message`, `headers`   one message as a value
`commands`             what a client says to a NATS server, as bytes
`wire`, `connection`   the NATS connection (`Bus`): `supervision` replaces a wire that ended, by `servers`; `inbox` has
                       the answers under tokens of `randomness`, `clock` the waits
`calls`, `chunks`      a call frame by frame, and bodies larger than a message
`dispatch`             where a call goes and how often: `routes` chooses, `retry` and `breaker` decide
`federation`           everything a client does (`Federation`)
`streams`, `kv`        the streams, and the registry bucket; `reading` reads any of them from the beginning
`trail`, `micro`       the audit trail; the answers to `nats micro`
`errors`               every failure, in one tree
"""

from __future__ import annotations

from bus.calls import CallOptions
from bus.connection import Bus, Subscription
from bus.errors import FederationError
from bus.federation import Federation, McpRequest
from bus.message import Message
from bus.settings import BusSettings
from bus.subjects import Instance, Subjects

__all__ = [
    "Bus",
    "BusSettings",
    "CallOptions",
    "Federation",
    "FederationError",
    "Instance",
    "McpRequest",
    "Message",
    "Subjects",
    "Subscription",
]
