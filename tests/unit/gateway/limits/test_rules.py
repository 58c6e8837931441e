"""What the settings mean, who is counted as whom, what is told."""

from __future__ import annotations

import pytest

from gateway.limits.rules import (
    REQUESTS_AT_ONCE,
    REQUESTS_PER_MINUTE,
    Quota,
    Rules,
    Standing,
    counted_as,
    rules_of,
)
from gateway.limits.shared import CannotShare, SharedWindows, place_of
from gateway.limits.slots import Slots
from gateway.settings import GatewaySettings


def test_nobody_is_limited_where_nobody_proves_who_it_is() -> None:
    assert not rules_of(GatewaySettings(), authenticated=False).any


def test_principals_are_limited_where_they_prove_who_they_are() -> None:
    rules = rules_of(GatewaySettings(), authenticated=True)
    assert rules == Rules(Quota("requests", REQUESTS_PER_MINUTE), REQUESTS_AT_ONCE, None)


def test_zero_is_no_limit() -> None:
    settings = GatewaySettings(requests_per_minute=0, requests_at_once=0)
    assert not rules_of(settings, authenticated=True).any


def test_what_is_said_holds_for_all() -> None:
    settings = GatewaySettings(requests_per_minute=5, requests_at_once=2, member_calls_per_minute=9)
    rules = rules_of(settings, authenticated=False)
    assert rules == Rules(Quota("requests", 5), 2, Quota("calls", 9))
    assert rules.policy == '"requests";q=5;w=60, "at-once";q=2;qu="concurrent-requests"'


def test_a_principal_is_counted_wherever_it_comes_from() -> None:
    assert counted_as("ci", "10.0.0.1") == counted_as("ci", "10.0.0.2")
    assert counted_as("10.0.0.1", None) != counted_as("", "10.0.0.1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::2%eth1"),
    ],
)
def test_addresses_of_one_network_are_one_caller(one: str, other: str) -> None:
    assert counted_as("", one) == counted_as("", other)


@pytest.mark.parametrize(("one", "other"), [("10.0.0.1", "10.0.0.2"), ("2001:db8:1:2::1", "2001:db8:1:3::1")])
def test_other_addresses_are_other_callers(one: str, other: str) -> None:
    assert counted_as("", one) != counted_as("", other)


def test_a_client_is_told_what_is_left_and_when_to_come_again() -> None:
    standing = Standing(Quota("requests", 30), allowed=False, remaining=0, reset_s=3.2)
    assert standing.field == '"requests";r=0;t=4'
    assert standing.retry_after_s == 6


def test_a_slot_that_is_given_back_can_be_taken_again() -> None:
    slots = Slots(1)
    assert slots.take("a")
    assert slots.take("b")
    assert not slots.take("a")
    slots.give_back("a")
    assert slots.take("a")
    assert len(slots) == 2


def test_nothing_is_kept_of_who_holds_no_slot() -> None:
    slots = Slots(None)
    assert all(slots.take("a") for _ in range(100))
    for _ in range(100):
        slots.give_back("a")
    assert not slots._held


@pytest.mark.parametrize(
    ("url", "place"),
    [("redis://:secret@h:1/2", "h:1"), ("rediss://u:secret@[::1]", "::1:6379"), ("redis://h", "h:6379")],
)
def test_where_redis_is_is_told_without_its_password(url: str, place: str) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize(
    "url", ["http://:secret@h", "redis://:secret@h:port", "secret", "redis://:secret@", "unix:///secret"]
)
def test_a_url_that_is_none_of_redis_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(CannotShare, match="OMEGA_REDIS_URL") as refused:
        SharedWindows(url, patience_s=0.005)
    assert "secret" not in str(refused.value)


def test_the_redis_url_is_the_deployment_s_and_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMEGA_REDIS_URL", "redis://:secret@h")
    settings = GatewaySettings()
    assert settings.redis_url is not None
    assert "secret" not in repr(settings)
