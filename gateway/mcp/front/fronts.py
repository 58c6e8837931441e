"""Both fronts of one gateway with what they share: make one, `start` it, mount what `endpoint` returns, `stop` it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from pydantic import SecretStr

from bus import Bus
from gateway.mcp.front.bridge import Bridge
from gateway.mcp.front.endpoint import BodyLimits, Endpoint, Handler, UpstreamFor
from gateway.mcp.front.inflight import InFlight
from gateway.mcp.front.legacy import LegacyFront, LegacyParts
from gateway.mcp.front.modern import ModernFront
from gateway.mcp.front.sessions import Sessions
from gateway.mcp.front.sse import StreamLimits
from gateway.mcp.front.streams import Streams
from gateway.mcp.front.tokens import Seal
from gateway.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Census:
    """What is open in a gateway: all zero when nothing is asked of it."""

    streams: int
    questions: int
    requests: int


class Fronts:
    """Serves MCP in both eras on any number of paths."""

    def __init__(self, bus: Bus, settings: GatewaySettings) -> None:
        limits = StreamLimits(settings.stream_silence_s, settings.stream_buffer_bytes, settings.send_timeout_s)
        self._limits = BodyLimits(settings.max_body_bytes, settings.body_timeout_s)
        self._streams = Streams(limits, settings.max_streams, bus.clock)
        self._sessions = Sessions(bus)
        self._bridge = Bridge(bus)
        self._inflight = InFlight(bus)
        self._modern = ModernFront(self._streams, longest_s=settings.max_call_timeout_s)
        self._legacy = LegacyFront(
            LegacyParts(
                seal=Seal(_keys(settings.session_key)),
                sessions=self._sessions,
                bridge=self._bridge,
                inflight=self._inflight,
                streams=self._streams,
                longest_s=settings.max_call_timeout_s,
                session_ttl_s=settings.session_ttl_s,
            )
        )

    def start(self) -> None:
        """Hear the other gateways."""
        self._streams.start()
        self._sessions.start()
        self._bridge.start()
        self._inflight.start()

    def end_streams(self) -> None:
        """Say goodbye on every stream that would last: what is left are requests with an end."""
        self._streams.end()

    async def stop(self) -> None:
        """Hear the other gateways no longer."""
        for part in (self._sessions, self._bridge, self._inflight, self._streams):
            await part.stop()

    def endpoint(self, upstream_for: UpstreamFor) -> Handler:
        """The handler for a path (every HTTP method of it) whose requests `upstream_for` finds the answerer of.

        `upstream_for` may raise a federation error: the client is told it in JSON-RPC.
        """
        return Endpoint(upstream_for, self._modern, self._legacy, self._limits).handle

    @property
    def id(self) -> str:
        """The name under which other gateways reach this one."""
        return self._bridge.id

    @property
    def census(self) -> Census:
        return Census(len(self._streams), len(self._bridge), len(self._inflight))


def _keys(setting: SecretStr | None) -> list[bytes]:
    if setting is None:
        return [secrets.token_bytes(32)]
    return [key.strip().encode() for key in setting.get_secret_value().split(",") if key.strip()]
