"""The commands against a running federation, as scripts and people use them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from omega.handshake import Exit
from tests.support.omega import Omega

pytestmark = pytest.mark.timeout(180)

MANIFEST = {
    "id": "my_service",
    "name": "My Service",
    "description": "Custom service",
    "version": "1.4.0",
    "capabilities": ["custom_capability"],
    "tags": ["custom", "service"],
    "heartbeat_interval_s": 600,
}


@pytest.fixture(scope="module")
def registered(federation_up: Omega) -> Iterator[Omega]:
    """A federation that also knows a member registered by hand."""
    file = federation_up.directory / "manifest.json"
    file.write_text(json.dumps(MANIFEST))
    ended = federation_up("register", str(file))
    assert ended.code == Exit.OK, ended.err
    yield federation_up
    federation_up("unregister", "my_service")


def ids(omega: Omega, *words: str) -> set[str]:
    return {server["id"] for server in omega(*words, "--json").json["servers"]}


def test_ls_lists_the_members(registered: Omega) -> None:
    assert ids(registered, "ls") == {"weather", "my_service"}
    table = registered("ls").out
    assert "my_service" in table
    assert "2 members" in table


def test_show_tells_everything_of_one(registered: Omega) -> None:
    assert registered("show", "my_service", "--json").json["version"] == "1.4.0"
    text = registered("show", "weather").out
    assert "forecast(city: string, days?: integer)" in text
    assert "Tell the weather." in text


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--tag", "custom"), {"my_service"}),
        (("--tag", "custom", "--tag", "service"), {"my_service"}),
        (("--tag", "custom", "--tag", "forecast"), set()),
        (("--capability", "custom_capability"), {"my_service"}),
        (("--without-tag", "custom"), {"weather"}),
        (("--version", ">=1.3 <2"), {"my_service"}),
        (("--status", "any"), {"weather", "my_service"}),
        (("forcasts",), {"weather"}),
        (("Custom", "service"), {"my_service"}),
        (("nothing_like_this_zzz",), set()),
    ],
)
def test_search_takes_words_tags_capabilities_and_versions(
    registered: Omega, words: tuple[str, ...], found: set[str]
) -> None:
    assert ids(registered, "search", *words) == found


def test_finding_nobody_is_an_answer_and_no_error(registered: Omega) -> None:
    ended = registered("search", "--tag", "nope")
    assert (ended.code, ended.out.strip()) == (Exit.OK, "nobody")


def test_call_prints_the_result_and_nothing_else_on_stdout(federation_up: Omega) -> None:
    ended = federation_up("call", "weather", "forecast", "city=Bern", "days=3")
    assert ended.code == Exit.OK, ended.err
    assert ended.json == {"city": "Bern", "days": 3, "sky": "blue"}
    assert ended.err == ""


def test_call_takes_one_json_object_too(federation_up: Omega) -> None:
    assert federation_up("call", "weather", "forecast", '{"city": "Chur"}').json["city"] == "Chur"


def test_call_reads_the_object_from_stdin(federation_up: Omega) -> None:
    assert federation_up("call", "weather", "forecast", "-", stdin='{"city": "Chur"}').json["city"] == "Chur"


def test_progress_goes_to_stderr(federation_up: Omega) -> None:
    ended = federation_up("call", "weather", "count", "to=2")
    assert ended.json == {"counted": 2}
    assert [line.split() for line in ended.err.splitlines()] == [["50%", "counting"], ["100%", "counting"]]


def test_progress_can_be_switched_off(federation_up: Omega) -> None:
    assert federation_up("call", "weather", "count", "to=2", "--quiet").err == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "nobody"), Exit.NOT_FOUND, "unknown_member"),
        (("show", "wether"), Exit.NOT_FOUND, "weather"),
        (("call", "weather", "forcast", "city=x"), Exit.NOT_FOUND, "forecast"),
        (("call", "nobody", "x"), Exit.NOT_FOUND, "unknown_member"),
        (("call", "my_service", "x"), Exit.UNAVAILABLE, "no_instance"),
        (("call", "weather", "forecast"), Exit.FAILED, "city"),
        (("call", "weather", "forecast", "city"), Exit.USAGE, "key=value"),
        (("call", "a.b", "x"), Exit.FAILED, "invalid_request"),
        (("unregister", "nobody"), Exit.NOT_FOUND, "unknown_member"),
        (("register", "/no/such/file"), Exit.USAGE, "No such file"),
        (("ls", "--limit", "0"), Exit.FAILED, "limit"),
        (("ls", "--prefix", "a.b"), Exit.USAGE, "prefix"),
        (("logs", "nobody"), Exit.NOT_FOUND, "no log of 'nobody'"),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(
    registered: Omega, words: tuple[str, ...], code: Exit, said: str
) -> None:
    ended = registered(*words)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1
    assert "Traceback" not in ended.err


def test_scripts_get_errors_as_json(federation_up: Omega) -> None:
    ended = federation_up("show", "nobody", "--json")
    assert json.loads(ended.err)["error"]["code"] == "unknown_member"


def test_a_manifest_that_is_refused_says_which_field(federation_up: Omega) -> None:
    ended = federation_up("register", "-", stdin='{"id": "x", "name": 5}')
    assert ended.code == Exit.FAILED
    assert "name" in ended.err


def test_nobody_there_is_said_within_seconds(omega: Omega) -> None:
    ended = omega("ls", "--nats", "nats://127.0.0.1:1")
    assert ended.code == Exit.UNAVAILABLE
    assert "omega up" in ended.err


def test_watch_tells_who_comes_and_goes(federation_up: Omega) -> None:
    guest = json.dumps({**MANIFEST, "id": "guest"})
    watching = federation_up.begin("watch", "--json")
    try:
        assert watching.stdout is not None
        assert "watching" in watching.stdout.readline()
        federation_up("register", "-", stdin=guest)
        federation_up("unregister", "guest")
        events = [json.loads(watching.stdout.readline()) for _ in range(3)]
        assert sorted((event["kind"], event["member"]) for event in events) == [
            ("left", "guest"),
            ("owner-changed", "guest"),  # whoever proves who they are owns what nobody owned
            ("registered", "guest"),
        ]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(15) == Exit.INTERRUPTED
    finally:
        watching.kill()
        watching.wait(10)
        assert watching.stdout is not None
        watching.stdout.close()


def test_logs_shows_what_processes_wrote(federation_up: Omega) -> None:
    assert "gateway_listening" in federation_up("logs").out
    assert "Server is ready" in federation_up("logs", "nats").out
    last = federation_up("logs", "weather.member", "--json", "-n", "1").out
    assert json.loads(last)["event"]


def test_logs_follows(federation_up: Omega) -> None:
    following = federation_up.begin("logs", "directory", "-f", "-n", "1")
    try:
        assert following.stdout is not None
        assert following.stdout.readline()
        federation_up("register", "-", stdin=json.dumps({**MANIFEST, "id": "followed"}))
        assert "followed" in following.stdout.readline()
    finally:
        following.kill()
        following.wait(10)
        assert following.stdout is not None
        following.stdout.close()
        federation_up("unregister", "followed")


def test_status_tells_each_process(federation_up: Omega) -> None:
    state = federation_up("status", "--json", "--health").json
    assert state["ready"]
    assert {process["name"] for process in state["processes"]} >= {"nats", "directory", "gateway", "weather.member"}
    gateway = next(process for process in state["processes"] if process["name"] == "gateway")
    assert gateway["health"].startswith("ok")


def test_the_doctor_finds_a_running_federation_well(federation_up: Omega) -> None:
    ended = federation_up("doctor", "--json")
    assert ended.code == Exit.OK, ended.out
    findings = {finding["title"]: finding for finding in ended.json["findings"]}
    assert findings["federation"]["grade"] == "fine"
    assert findings["directory"]["text"].startswith("answers")


def test_whoever_closes_the_pipe_early_gets_no_complaint(federation_up: Omega) -> None:
    process = federation_up.begin("logs", "-n", "1000", "--json")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(15) in (Exit.OK, Exit.FAILED)
