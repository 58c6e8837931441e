"""The files an operator starts from: what they promise, read from the files themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SETTINGS = re.compile(r"^#?(OMEGA_[A-Z_]+)=", re.MULTILINE)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def test_compose_has_what_the_federation_is_made_of(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {"nats", "redis", "directory", "gateway"} < set(services)
    members = [service["command"][1] for service in services.values() if service["command"][0] == "member"]
    assert members == ["code_analyzer", "data_validator", "image_service"]
    assert services["directory"]["deploy"]["replicas"] == 2


def test_compose_publishes_nothing_beyond_this_machine(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_container_is_asked_for_its_health(compose: dict[str, Any]) -> None:
    assert [name for name, service in compose["services"].items() if "healthcheck" not in service] == []


def test_whoever_waits_waits_for_health(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for condition in service.get("depends_on", {}).values():
            assert condition == {"condition": "service_healthy"}


def test_no_secret_has_a_default(compose: dict[str, Any]) -> None:
    text = (ROOT / "compose.yaml").read_text() + (ROOT / "ops" / ".env.fastmcp.example").read_text()
    assert not re.search(r"(?i)(password|secret|token)\s*[:=]\s*[^\s$]", text)


def test_the_nats_of_compose_keeps_what_it_acknowledged(compose: dict[str, Any]) -> None:
    assert "sync_interval: always" in compose["configs"]["nats"]["content"]
    assert compose["services"]["nats"]["volumes"] == ["jetstream:/data"]


def test_the_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (\S+)", (ROOT / "ops" / "Dockerfile").read_text(), re.MULTILINE)
    assert users
    assert users[-1] not in ("root", "0")


def test_the_image_gets_every_package() -> None:
    dockerfile = (ROOT / "ops" / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text()
    for package in ("bus", "directory", "gateway", "members", "omega"):
        assert f"COPY {package} ./{package}" in dockerfile
        assert f"!{package}\n" in ignored


def test_pre_commit_runs_what_make_check_runs() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [hook["entry"] for repo in config["repos"] for hook in repo["hooks"]] == ["make check"]


def test_every_setting_of_the_example_is_read_somewhere() -> None:
    named = set(SETTINGS.findall((ROOT / "ops" / ".env.fastmcp.example").read_text()))
    assert named
    read = "\n".join(path.read_text() for folder in ("omega", "bus") for path in (ROOT / folder).rglob("*.py"))
    fields = (ROOT / "gateway" / "settings.py").read_text()
    for name in named:
        field = name.removeprefix("OMEGA_GATEWAY_").lower()
        assert name in read or f"    {field}: " in fields, name
