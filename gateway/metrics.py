"""What the gateway counts, in a registry of its own, as Prometheus text."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from bus.errors import FederationError

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


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
        self._metrics.count_call(self.outcome)


class Metrics:
    """The gateway's own counters. Labels take values from closed sets only."""

    def __init__(self, version: str, bus_connected: Callable[[], bool]) -> None:
        self.registry = CollectorRegistry()
        self.in_flight = 0
        """HTTP requests not answered yet."""
        self.calls_in_flight = 0
        """Tool calls not ended yet."""
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._outcomes: dict[str, Counter] = {}
        self._requests = Counter(
            "omega_gateway_requests", "HTTP requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "omega_gateway_request_duration_seconds",
            "Time from a request's head to its answer",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._calls = Counter(
            "omega_gateway_calls", "Tool calls by outcome: ok, or the error's code", ["outcome"], registry=self.registry
        )
        self._gauge("requests_in_flight", "HTTP requests not answered yet", lambda: self.in_flight)
        self._gauge("calls_in_flight", "Tool calls not ended yet", lambda: self.calls_in_flight)
        self._gauge("bus_connected", "1 while the bus is connected", bus_connected)
        Info("omega_gateway_build", "The running version", registry=self.registry).info({"version": version})
        ProcessCollector(registry=self.registry)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request; `route` is a template, never a path."""
        key = (method if method in METHODS else "other", route, status)
        series = self._series.get(key)
        if series is None:
            series = (self._requests.labels(*map(str, key)), self._seconds.labels(key[0], route))
            self._series[key] = series
        series[0].inc()
        series[1].observe(seconds)

    def call(self) -> CallCount:
        """The length of one tool call, counted by its outcome: the error's code where it raises one of ours."""
        return CallCount(self)

    def count_call(self, outcome: str) -> None:
        """Note one ended tool call: `ok`, or the code of its error."""
        series = self._outcomes.get(outcome)
        if series is None:
            series = self._outcomes[outcome] = self._calls.labels(outcome)
        series.inc()

    def _gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        Gauge(f"omega_gateway_{name}", meaning, registry=self.registry).set_function(lambda: float(value()))

    def exposition(self) -> tuple[bytes, str]:
        """The text and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4
