from __future__ import annotations

import pytest

from gateway import GatewaySettings
from gateway.app import public_addresses, url_host


def test_without_a_public_url_the_bound_address_is_named() -> None:
    addresses = public_addresses(GatewaySettings(), "http://127.0.0.1:7", {"a": "http://127.0.0.1:8"})
    assert (addresses.base, addresses.doors) == ("http://127.0.0.1:7", {"a": "http://127.0.0.1:8"})


def test_doors_are_named_on_the_public_host_with_their_own_ports() -> None:
    settings = GatewaySettings(public_url="http://fed.example.org:80/")
    addresses = public_addresses(settings, "http://127.0.0.1:7", {"a": "http://127.0.0.1:8"})
    assert (addresses.base, addresses.doors) == ("http://fed.example.org:80", {"a": "http://fed.example.org:8"})


def test_doors_behind_a_proxy_are_not_named() -> None:
    settings = GatewaySettings(public_url="https://fed.example.org", advertise_doors=False)
    assert public_addresses(settings, "http://127.0.0.1:7", {"a": "http://127.0.0.1:8"}).doors == {}


@pytest.mark.parametrize(
    ("host", "named"),
    [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("10.0.0.1", "10.0.0.1"), ("localhost", "localhost")],
)
def test_a_bound_host_is_named_so_that_it_can_be_dialled(host: str, named: str) -> None:
    assert url_host(host) == named
