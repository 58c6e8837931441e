"""What the gateway counts, in a registry of its own, as Prometheus text."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from prometheus_client import CollectorRegistry, Gauge, Info, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from bus.errors import FederationError
from gateway.tally import CallTally, RequestTally


class CallCount:
    """The length of one tool call as a `with` block, counted when it ends."""

    __slots__ = ("_metrics", "outcome")

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.outcome = "cancelled"
        """What it came to, said by whoever made it; as it is where nobody lived to say."""

    def __enter__(self) -> CallCount:
        self._metrics.calls_in_flight += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, FederationError):
            self.outcome = error.code
        self._metrics.calls_in_flight -= 1
        self._metrics.ended.add(self.outcome)


class Metrics:
    """The gateway's own counters. Labels take values from closed sets only."""

    def __init__(self, version: str, bus_connected: Callable[[], bool]) -> None:
        self.registry = CollectorRegistry()
        self.in_flight = 0
        """HTTP requests not answered yet."""
        self.calls_in_flight = 0
        """Tool calls not ended yet."""
        self.answered = RequestTally()
        """HTTP requests answered."""
        self.ended = CallTally()
        """Tool calls ended."""
        self.registry.register(self.answered)
        self.registry.register(self.ended)
        self._gauge("requests_in_flight", "HTTP requests not answered yet", lambda: self.in_flight)
        self._gauge("calls_in_flight", "Tool calls not ended yet", lambda: self.calls_in_flight)
        self._gauge("bus_connected", "1 while the bus is connected", bus_connected)
        Info("omega_gateway_build", "The running version", registry=self.registry).info({"version": version})
        ProcessCollector(registry=self.registry)

    def call(self) -> CallCount:
        """The length of one tool call, counted by its outcome: the error's code where it raises one of ours."""
        return CallCount(self)

    def _gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        Gauge(f"omega_gateway_{name}", meaning, registry=self.registry).set_function(lambda: float(value()))

    def exposition(self) -> tuple[bytes, str]:
        """The text and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4
