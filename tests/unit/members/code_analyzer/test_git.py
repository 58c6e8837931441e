"""The command lines of git, and what its complaints mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from members.code_analyzer import git
from members.code_analyzer.address import Policy, parse
from members.sandbox.refusals import TooLarge

COMMIT = "0123456789" * 4
ADDRESS = parse("https://example.org/a/b", Policy())


def test_a_clone_is_tied_to_the_checked_addresses() -> None:
    command = git.fetch_command(ADDRESS, ["93.184.216.34", "2606:2800::1"], Path("/x"), COMMIT)
    assert "http.curloptResolve=example.org:443:93.184.216.34,[2606:2800::1]" in command


def test_an_address_needs_no_pin() -> None:
    address = parse("https://93.184.216.34/a", Policy())
    assert not any(
        "curloptResolve" in part for part in git.fetch_command(address, ["93.184.216.34"], Path("/x"), COMMIT)
    )


def test_a_clone_checks_nothing_out_and_takes_one_commit() -> None:
    command = git.fetch_command(ADDRESS, ["93.184.216.34"], Path("/x"), COMMIT)
    assert {"--depth=1", "--no-recurse-submodules", "--no-tags"} <= set(command)
    assert command[-3:] == ["--", "https://example.org:443/a/b", f"+{COMMIT}:refs/heads/analysis"]
    assert {"--bare", "--template=", "--object-format=sha1"} <= set(git.init_command(Path("/x"), COMMIT))


def test_history_is_fetched_without_contents_and_to_a_depth() -> None:
    command = git.fetch_command(ADDRESS, ["93.184.216.34"], Path("/x"), COMMIT, past=70)
    assert {"--depth=70", "--filter=blob:none"} <= set(command)


@pytest.mark.parametrize(("whole", "silent"), [(60, 30), (600, 300), (1, 10), (30.5, 15)])
def test_a_server_may_be_silent_for_half_of_the_time_while_it_packs(whole: float, silent: int) -> None:
    fetch = git.fetch_command(ADDRESS, ["93.184.216.34"], Path("/x"), COMMIT, time_s=whole)
    resolve = git.resolve_command(ADDRESS, ["93.184.216.34"], ["HEAD"], time_s=whole)
    for command in (fetch, resolve):
        assert [part for part in command if "lowSpeedTime" in part] == [f"http.lowSpeedTime={silent}"]


def test_a_commit_with_a_long_id_gets_a_repository_of_its_kind() -> None:
    assert "--object-format=sha256" in git.init_command(Path("/x"), "ab" * 32)


def test_no_protocol_but_that_of_the_url_is_spoken() -> None:
    command = git.fetch_command(ADDRESS, ["93.184.216.34"], Path("/x"), COMMIT)
    assert "protocol.allow=never" in command
    assert [part for part in command if part.endswith(".allow=always")] == ["protocol.https.allow=always"]
    assert git.environment("https")["GIT_ALLOW_PROTOCOL"] == "https"


def test_git_is_told_nothing_of_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", "evil")
    monkeypatch.setenv("HTTPS_PROXY", "http://evil")
    environment = git.environment("https")
    assert environment["HOME"] == "/nonexistent"
    assert not {"GIT_SSH_COMMAND", "HTTPS_PROXY"} & set(environment)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("fatal: unable to access 'https://…': The requested URL returned error: 301", "redirected"),
        ("fatal: could not read Username for 'https://…': terminal prompts disabled", "not_public"),
        ("fatal: repository 'https://…' not found", "not_found"),
        ("fatal: https://…/info/refs not valid: is this a git repository?", "not_a_repository"),
        ("fatal: dumb http transport does not support shallow capabilities", "not_a_repository"),
        ("fatal: unable to access '…': Failed to connect to example.org port 443: Connection refused", "unreachable"),
        ("fatal: unable to access '…': server certificate verification failed", "bad_certificate"),
        ("error: RPC failed; curl 28 Operation too slow. Less than 1000 bytes/sec", "too_slow"),
        ("fatal: unable to access '…': The requested URL returned error: 503", "server_error"),
        ("fatal: early EOF\nfatal: fetch-pack: invalid index-pack output", "broken_repository"),
        ("something never seen", "clone_failed"),
    ],
)
def test_each_complaint_has_its_reason(said: str, reason: str) -> None:
    refusal = git.complaint(said, 128, {"max_clone_bytes": 5})
    assert refusal.details["reason"] == reason
    assert said not in refusal.message


@pytest.mark.parametrize(("said", "status"), [("", -25), ("", 153), ("fatal: Out of memory, malloc failed", 128)])
def test_running_into_a_limit_is_too_large(said: str, status: int) -> None:
    refusal = git.complaint(said, status, {"max_clone_bytes": 5})
    assert isinstance(refusal, TooLarge)
    assert refusal.details == {"max_clone_bytes": 5}


@pytest.mark.parametrize(
    ("version", "can"),
    [
        ("git version 2.36.9", False),
        ("git version 2.37.0", True),
        ("git version 2.39.5 (Apple Git-154)", True),
        ("git version 3.0.1", True),
        ("", False),
    ],
)
def test_old_versions_of_git_cannot_be_pinned(version: str, can: bool) -> None:
    assert git.can_pin(version) is can
