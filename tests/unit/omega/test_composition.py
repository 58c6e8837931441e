"""The settings of one start-up become the processes to keep alive."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bus.names import is_id
from omega import services
from omega.composition import UpSettings, plan, wanted_ports
from omega.home import Home
from omega.supervisor import Absent, ChildSpec

SETTINGS = UpSettings(home=Home(Path("/srv/omega")))
SERVER = Path("/bin/nats-server")


def specs(settings: UpSettings) -> dict[str, ChildSpec]:
    server = SERVER if settings.nats_url is None else None
    return {spec.name: spec for spec in plan(settings, nats_server=server) if isinstance(spec, ChildSpec)}


def test_everything_starts_in_the_order_it_needs() -> None:
    found = specs(SETTINGS)
    by_stage = sorted(found.values(), key=lambda spec: spec.stage)
    assert [spec.name for spec in by_stage] == [
        "nats", "directory", "gateway", "adopter", "code_analyzer", "data_validator", "image_service",
    ]  # fmt: skip


def test_without_nats_nothing_else_is_tried() -> None:
    assert [name for name, spec in specs(SETTINGS).items() if spec.essential] == ["nats"]


def test_every_process_of_ours_is_told_where_nats_is() -> None:
    for name, spec in specs(replace(SETTINGS, nats_port=4333, prefix="lab")).items():
        if name != "nats":
            assert spec.environment["OMEGA_NATS_URL"] == "nats://127.0.0.1:4333"
            assert spec.environment["OMEGA_PREFIX"] == "lab"


def test_a_nats_of_somebody_else_is_used_and_none_started() -> None:
    found = specs(replace(SETTINGS, nats_url="nats://bus.example.org:4222"))
    assert "nats" not in found
    assert found["gateway"].environment["OMEGA_NATS_URL"] == "nats://bus.example.org:4222"


def test_replicas_are_numbered_from_the_second() -> None:
    found = specs(replace(SETTINGS, replicas=3))
    assert [name for name in found if name.startswith("directory")] == ["directory", "directory-2", "directory-3"]


def test_the_gateway_gets_host_port_and_doors() -> None:
    gateway = specs(replace(SETTINGS, host="0.0.0.0", port=9500, doors={"a": 9601}))["gateway"]
    assert gateway.command[-4:] == ("--host", "0.0.0.0", "--port", "9500")
    assert json.loads(gateway.environment["OMEGA_GATEWAY_DOORS"]) == {"9601": "a"}
    assert gateway.url == "http://127.0.0.1:9500"


def test_services_can_be_left_out() -> None:
    assert set(specs(replace(SETTINGS, services=False))) == {"nats", "directory", "gateway", "adopter"}


def test_members_of_the_users_own_are_kept_alive_too() -> None:
    spec = specs(replace(SETTINGS, members=("weather:member",)))["weather.member"]
    assert spec.command[-2:] == ("member", "weather:member")


def test_a_service_that_is_not_installed_is_shown_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = services.Service("code_analyzer_fastmcp", 9501, "code", ("no_such_module_anywhere",), ())
    monkeypatch.setattr("omega.composition.SHIPPED", (broken, *services.SHIPPED[1:]))
    absent = [spec for spec in plan(SETTINGS, nats_server=SERVER) if isinstance(spec, Absent)]
    assert absent == [Absent("code_analyzer", "pip install 'omega-federation[code]'")]
    assert "data_validator" in specs(SETTINGS)


def test_members_keep_their_instance_name_over_a_restart() -> None:
    first, again = specs(SETTINGS)["code_analyzer"], specs(SETTINGS)["code_analyzer"]
    instance = first.environment["OMEGA_MEMBER_INSTANCE"]
    assert instance == again.environment["OMEGA_MEMBER_INSTANCE"]
    assert is_id(instance)


def test_two_federations_of_one_machine_have_different_instance_names() -> None:
    assert SETTINGS.instance != replace(SETTINGS, home=Home(Path("/srv/other"))).instance


def test_every_port_is_looked_at_before_the_start() -> None:
    assert {wanted.port for wanted in wanted_ports(SETTINGS)} == {4222, 9405, 9501, 9502, 9503}


def test_the_port_of_a_foreign_nats_is_not() -> None:
    settings = replace(SETTINGS, nats_url="nats://bus.example.org:4222", doors={})
    assert {wanted.port for wanted in wanted_ports(settings)} == {9405}


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("code_analyzer", "code_analyzer_fastmcp"),
        ("code-analyzer", "code_analyzer_fastmcp"),
        ("code_analyzer_fastmcp", "code_analyzer_fastmcp"),
        ("image_service", "image_service_fastmcp"),
    ],
)
def test_a_service_goes_by_its_id_or_its_short_name(name: str, id: str) -> None:
    found = services.shipped(name)
    assert found is not None
    assert found.id == id


def test_another_name_is_no_service() -> None:
    assert services.shipped("weather") is None


def test_a_service_without_its_program_says_so() -> None:
    service = services.Service("code_analyzer_fastmcp", 9501, "code", (), ("no-such-program",))
    assert service.missing == ("no-such-program",)
    assert service.remedy == "install no-such-program with the system's packages"


def test_services_of_this_machine_are_adopted_only_where_only_this_machine_can_register() -> None:
    allowed = "OMEGA_ADOPTER_ALLOW_LOOPBACK"
    assert specs(SETTINGS)["adopter"].environment[allowed] == "true"
    assert specs(replace(SETTINGS, host="0.0.0.0"))["adopter"].environment[allowed] == "false"
