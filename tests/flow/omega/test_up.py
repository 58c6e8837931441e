"""`omega up` whole: it starts, heals, keeps its word, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import urllib.request

import httpx
import psutil
import pytest

from bus import Federation
from bus.errors import FederationError
from omega.handshake import Exit
from omega.ports import free_port
from tests.support.federation import manifest
from tests.support.nats import until
from tests.support.omega import FREE_PORTS, Omega, client_of

pytestmark = pytest.mark.timeout(180)

HEALS_WITHIN_S = 40.0
"""Seconds on a quiet machine; this bound is for one that runs other tests beside."""
OWN_MEMBER = ("--no-services", "--member", "weather:member")


async def registered(federation: Federation, ids: set[str]) -> set[str]:
    """The ids among them whose registration was acknowledged, one after the other while things break."""
    acknowledged = set()
    for id in sorted(ids):
        try:
            await federation.register(manifest(id))
        except FederationError:
            continue
        acknowledged.add(id)
    return acknowledged


async def known(federation: Federation) -> set[str]:
    """Every registered id; nobody while no directory answers."""
    try:
        reply = await federation.ask("servers", {"status": "any", "limit": 500})
    except FederationError:
        return set()
    return {server["id"] for server in reply["servers"]}


async def test_it_heals_by_itself_and_loses_nothing_that_was_acknowledged(omega: Omega) -> None:
    with omega.up(*OWN_MEMBER) as started:
        assert started.code == Exit.OK, started.err
        async with client_of(omega) as federation:
            acknowledged: set[str] = set()
            for name in ("nats", "directory", "gateway", "weather.member"):
                before = omega.processes[name]
                writing = asyncio.create_task(
                    registered(federation, {f"{name}_{n}".replace(".", "_") for n in range(20)})
                )
                os.kill(before["pid"], signal.SIGKILL)
                acknowledged |= await writing
                await until(lambda name=name: omega.processes[name]["restarts"] == 1, within=HEALS_WITHIN_S)
                await until(lambda: omega.ready, within=HEALS_WITHIN_S)
                assert omega.processes[name]["pid"] != before["pid"]
            assert len(acknowledged) >= 40
            await until(lambda: _covers(federation, acknowledged | {"weather"}), within=HEALS_WITHIN_S)
            assert await federation.call("weather", "forecast", {"city": "Bern"}) == {
                "city": "Bern", "days": 1, "sky": "blue",
            }  # fmt: skip
            async with httpx.AsyncClient(base_url=omega.state["gateway_url"], timeout=10) as http:
                reply = await http.get("/mcp/resources/omega/directory/servers/weather")
            assert reply.json()["status"] == "active"
            assert len(reply.json()["instances"]) == 1


async def _covers(federation: Federation, ids: set[str]) -> bool:
    return ids <= await known(federation)


def test_down_ends_members_first_and_leaves_no_process_and_no_port_behind(omega: Omega) -> None:
    with omega.up(*OWN_MEMBER) as started:
        assert started.code == Exit.OK, started.err
        state = omega.state
        ended = omega("down")
        assert ended.code == Exit.OK, ended.err
        assert omega.alive() == []
        for url in (state["nats_url"], state["gateway_url"]):
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0
        assert omega("status").code == Exit.UNAVAILABLE
    assert '"event":"left"' in (omega.home / "logs" / "directory.log").read_text()
    said = (omega.home / "logs" / "supervisor.log").read_text()
    order = [said.index(f"{name}: stopped") for name in ("weather.member", "gateway", "directory", "nats")]
    assert order == sorted(order)


async def test_a_killed_supervisor_takes_everything_with_it(omega: Omega) -> None:
    with omega.up(*OWN_MEMBER) as started:
        assert started.code == Exit.OK, started.err
        state = omega.state
        assert len(omega.alive()) == len(state["processes"]) + 2  # the supervisor, and what it has them forked by
        os.kill(state["pid"], signal.SIGKILL)
        await until(lambda: omega.alive() == [], within=5)
        stale = omega("status")
        assert stale.code == Exit.UNAVAILABLE
        assert "its supervisor was killed" in stale.err
        again = omega("up", "-d", *FREE_PORTS, *OWN_MEMBER)
        assert again.code == Exit.OK, again.err
        assert omega.state["ready"]


def test_what_was_registered_is_there_after_a_restart_of_everything(omega: Omega) -> None:
    with omega.up("--no-services"):
        omega("register", "-", stdin='{"id": "kept", "name": "Kept", "heartbeat_interval_s": 600}')
        omega("down")
        omega("up", "-d", *FREE_PORTS, "--no-services")
        assert omega("show", "kept", "--json").json["name"] == "Kept"


def test_ctrl_c_in_the_foreground_ends_all_cleanly(omega: Omega) -> None:
    process = omega.begin("up", *FREE_PORTS, "--no-services")
    assert process.stdout is not None
    try:
        lines = iter(process.stdout.readline, "")
        assert next(line for line in lines if "gateway: ready" in line)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(30) == Exit.OK
        assert "nats: stopped" in rest
        assert "Traceback" not in rest
        assert omega.alive() == []
    finally:
        omega.kill_all()
        process.wait(10)
        process.stdout.close()


def test_taken_ports_are_told_all_at_once_with_their_holder_and_the_way_out(omega: Omega) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        nats, door = one.getsockname()[1], two.getsockname()[1]
        doors = ("--door", f"code_analyzer={door}", "--door", "data_validator=0", "--door", "image_service=0")
        ended = omega("up", "-d", "--port", "0", "--nats-port", str(nats), *doors)
    assert ended.code == Exit.FAILED
    about_nats, about_door = ended.err.splitlines()
    assert f"port {nats} (nats) is taken by pid {os.getpid()}" in about_nats
    assert "choose another: --nats-port PORT, or use that server: --nats URL" in about_nats
    assert f"port {door} (door of code_analyzer_fastmcp) is taken by pid {os.getpid()}" in about_door
    assert "--door code_analyzer_fastmcp=PORT" in about_door
    assert omega.alive() == []


def test_a_second_start_in_the_background_finds_it_up(federation_up: Omega) -> None:
    before = federation_up.state
    again = federation_up("up", "-d", *FREE_PORTS, "--no-services")
    assert again.code == Exit.OK
    assert "already up" in again.err
    assert federation_up.state["pid"] == before["pid"]


def test_a_second_start_in_the_foreground_is_refused(federation_up: Omega) -> None:
    again = federation_up("up", *FREE_PORTS, "--no-services")
    assert again.code == Exit.FAILED
    assert "already up" in again.err


@pytest.fixture
def let_in(federation_up: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody else's NATS wants to see."""
    held = federation_up.home / "trust" / "credentials" / "operator-local.creds"
    monkeypatch.setenv("OMEGA_CREDENTIALS", str(held))


@pytest.mark.usefixtures("let_in")
def test_a_nats_of_somebody_else_can_be_used(omega: Omega, federation_up: Omega) -> None:
    url = federation_up.state["nats_url"]
    with omega.up("--no-services", "--nats", url, "--prefix", "guest") as started:
        assert started.code == Exit.OK, started.err
        assert "nats" not in omega.processes
        assert omega("ls", "--json").json["servers"] == []
    assert psutil.pid_exists(federation_up.processes["nats"]["pid"])


async def test_two_directories_answer_alike(omega: Omega) -> None:
    with omega.up("--no-services", "--replicas", "2") as started:
        assert started.code == Exit.OK, started.err
        async with client_of(omega) as federation:
            await federation.register(manifest("seen"))
            await until(lambda: _asked_everyone(federation), within=10)


async def _asked_everyone(federation: Federation) -> bool:
    """Whether both replicas were heard in twenty questions, and none of them missed the member."""
    asked = [(await federation.ask("stats"))["replica"] for _ in range(20)]
    answers = [await known(federation) for _ in range(20)]
    return len(set(asked)) == 2 and answers == [{"seen"}] * 20


@pytest.mark.usefixtures("let_in")
def test_the_processes_run_one_by_one_too(omega: Omega, federation_up: Omega) -> None:
    """`omega directory`, `gateway` and `member` against a NATS that is there already, under another prefix."""
    url = federation_up.state["nats_url"]
    reach = ("--nats", url, "--prefix", "single")
    port = free_port("127.0.0.1")
    started = [
        omega.begin("directory", *reach),
        omega.begin("gateway", *reach, "--port", str(port)),
        omega.begin("member", "weather:member", *reach),
    ]
    try:
        _wait_until(lambda: omega("call", "weather", "forecast", "city=Bern", *reach).code == Exit.OK)
        _wait_until(lambda: _is_ready(f"http://127.0.0.1:{port}/health/ready"))
        for process in reversed(started):
            process.terminate()
            assert process.wait(30) == Exit.OK
    finally:
        omega.kill_all()
        for process in started:
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _wait_until(condition: object) -> None:
    asyncio.run(until(condition, within=HEALS_WITHIN_S))
