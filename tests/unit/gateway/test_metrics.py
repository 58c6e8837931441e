from __future__ import annotations

from gateway.metrics import Metrics


def _text(metrics: Metrics) -> str:
    return metrics.exposition()[0].decode()


def test_requests_are_counted_by_method_route_and_status() -> None:
    metrics = Metrics("1.0", lambda: True)
    metrics.answered.add("GET", "/servers/{id}", 200, 0.002)
    metrics.answered.add("GET", "/servers/{id}", 200, 0.002)
    text = _text(metrics)
    assert 'omega_gateway_requests_total{method="GET",route="/servers/{id}",status="200"} 2.0' in text
    assert 'omega_gateway_request_duration_seconds_count{method="GET",route="/servers/{id}"} 2.0' in text


def test_a_made_up_method_makes_no_new_series() -> None:
    metrics = Metrics("1.0", lambda: True)
    metrics.answered.add("BREW", "/", 405, 0.1)
    metrics.answered.add("STIR", "/", 405, 0.1)
    assert 'method="other",route="/",status="405"} 2.0' in _text(metrics)


def test_the_bus_is_shown_as_it_is_when_asked() -> None:
    connected = [True]
    metrics = Metrics("1.0", lambda: connected[0])
    assert "omega_gateway_bus_connected 1.0" in _text(metrics)
    connected[0] = False
    assert "omega_gateway_bus_connected 0.0" in _text(metrics)


def test_two_gateways_in_one_process_count_apart() -> None:
    one, other = Metrics("1.0", lambda: True), Metrics("1.0", lambda: True)
    one.ended.add("ok")
    assert 'omega_gateway_calls_total{outcome="ok"} 1.0' in _text(one)
    assert 'outcome="ok"' not in _text(other)


def test_a_duration_is_in_every_bucket_from_its_own_bound_on() -> None:
    metrics = Metrics("1.0", lambda: True)
    for seconds in (0.001, 0.004, 61.0):
        metrics.answered.add("GET", "/", 200, seconds)
    text = _text(metrics)
    counts = [_bucket(text, bound) for bound in ("0.001", "0.0025", "0.005", "60.0", "+Inf")]
    assert counts == [1, 1, 2, 2, 3]
    assert 'omega_gateway_request_duration_seconds_sum{method="GET",route="/"} 61.005' in text


def _bucket(text: str, bound: str) -> float:
    labels = f'{{le="{bound}",method="GET",route="/"}}'
    line = next(
        line for line in text.splitlines() if line.startswith(f"omega_gateway_request_duration_seconds_bucket{labels}")
    )
    return float(line.rpartition(" ")[2])
