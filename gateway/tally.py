"""Counts of requests and calls as plain integers, made into Prometheus families only when somebody asks for them.

The client library's own counters take a lock and a few calls for each increment; a request would spend a tenth of its
time on them. Everything here happens on one event loop.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the buckets of durations."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class Durations:
    """How long the requests of one route took."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS_S) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.buckets[bisect_left(BOUNDS_S, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """As Prometheus wants them: each bucket with all that are smaller."""
        names = [*map(str, BOUNDS_S), "+Inf"]
        return list(zip(names, map(float, accumulate(self.buckets)), strict=True))


class RequestTally(Collector):
    """Answered requests by method, route and status; their durations by method and route."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], int] = {}
        self._durations: dict[tuple[str, str], Durations] = {}

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one; `route` is a template, never a path."""
        if method not in METHODS:
            method = "other"
        key = (method, route, status)
        self._counts[key] = self._counts.get(key, 0) + 1
        durations = self._durations.get((method, route))
        if durations is None:
            durations = self._durations[method, route] = Durations()
        durations.add(seconds)

    def collect(self) -> Iterator[Metric]:
        counts = CounterMetricFamily(
            "omega_gateway_requests", "HTTP requests answered", labels=("method", "route", "status")
        )
        for (method, route, status), count in self._counts.items():
            counts.add_metric((method, route, str(status)), count)
        yield counts
        seconds = HistogramMetricFamily(
            "omega_gateway_request_duration_seconds",
            "Time from a request's head to its answer",
            labels=("method", "route"),
        )
        for labels, durations in self._durations.items():
            seconds.add_metric(labels, durations.cumulative(), durations.total)
        yield seconds


class CallTally(Collector):
    """Ended tool calls by outcome."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, outcome: str) -> None:
        """Note one: `ok`, or the code of its error."""
        self._counts[outcome] = self._counts.get(outcome, 0) + 1

    def collect(self) -> Iterator[Metric]:
        counts = CounterMetricFamily(
            "omega_gateway_calls", "Tool calls by outcome: ok, or the error's code", labels=("outcome",)
        )
        for outcome, count in self._counts.items():
            counts.add_metric((outcome,), count)
        yield counts
