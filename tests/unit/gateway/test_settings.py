from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway import GatewaySettings


def test_the_defaults_are_the_documented_ports_on_loopback() -> None:
    settings = GatewaySettings()
    assert (settings.host, settings.port) == ("127.0.0.1", 9405)
    assert sorted(settings.doors) == [9501, 9502, 9503]


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMEGA_GATEWAY_PORT", "1234")
    monkeypatch.setenv("OMEGA_GATEWAY_DOORS", '{"9600": "my_service"}')
    settings = GatewaySettings()
    assert (settings.port, settings.doors) == (1234, {9600: "my_service"})


def test_loopback_and_the_own_names_are_accepted_hosts() -> None:
    settings = GatewaySettings(host="10.0.0.1", public_url="https://Fed.example.org/x", allowed_hosts=["Alias"])
    assert settings.hosts == {"localhost", "127.0.0.1", "::1", "10.0.0.1", "fed.example.org", "alias"}


def test_a_wildcard_address_is_no_name() -> None:
    assert "0.0.0.0" not in GatewaySettings(host="0.0.0.0").hosts


@pytest.mark.parametrize(
    "wrong",
    [
        {"public_url": "fed.example.org"},
        {"public_url": "ftp://fed.example.org"},
        {"public_url": "http://a/?q=1"},
        {"allowed_origins": ["https://app.example.org/"]},
        {"allowed_origins": ["*"]},
        {"doors": {9501: "a.b"}},
        {"doors": {70000: "a"}},
        {"call_timeout_s": 700},
        {"port": -1},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GatewaySettings.model_validate(wrong)
