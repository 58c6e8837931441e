"""What docs/operations.md tells an operator to run is what nats-server takes, and what this code means."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bus.subjects import Subjects
from omega.cli.commands import COMMANDS
from omega.embedded import find_server

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "ops" / "nats"
PAGE = ROOT / "docs" / "operations.md"
NODE = {
    "OMEGA_NODE": "n1",
    "OMEGA_SITE": "east",
    "OMEGA_HUB_URL": "tls://site:secret@hub1.example.org:7422",
    "OMEGA_SYSTEM_PASSWORD": "secret",
    "OMEGA_FEDERATION_PASSWORD": "secret",
    "OMEGA_SITE_PASSWORD": "secret",
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate under every name that the samples use."""
    directory = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.org")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    dated = built.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    certificate = dated.sign(key, hashes.SHA256())
    shown = certificate.public_bytes(serialization.Encoding.PEM)
    hidden = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for file in ("server.pem", "route.pem", "ca.pem"):
        (directory / file).write_bytes(shown)
    for file in ("server.key", "route.key"):
        (directory / file).write_bytes(hidden)
    return directory


def checked(text: str, directory: Path, certificates: Path) -> subprocess.CompletedProcess[str]:
    path = directory / "nats.conf"
    path.write_text(text.replace("/etc/nats/tls", str(certificates)).replace("/var/lib/nats", str(directory)))
    words = [str(find_server().path), "-t", "-c", str(path)]
    return subprocess.run(words, env={**os.environ, **NODE}, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("sample", ["node.conf", "hub.conf", "site.conf"])
def test_every_sample_is_a_configuration_nats_takes(sample: str, tmp_path: Path, certificates: Path) -> None:
    done = checked((SAMPLES / sample).read_text(), tmp_path, certificates)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("direction", ["deny_imports", "deny_exports"])
def test_a_site_keeps_to_itself_what_the_code_says(direction: str) -> None:
    block = re.search(rf"{direction}: \[(.*?)\]", (SAMPLES / "site.conf").read_text(), re.DOTALL)
    assert block is not None
    assert sorted(re.findall(r'"([^"]+)"', block[1])) == sorted(Subjects().within_site())


def test_what_stays_within_a_site_is_no_call() -> None:
    crossing = ("call", "mcp", "cancel", "ping")
    assert not any(f"omega.{tree}.>" in Subjects().within_site() for tree in crossing)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_every_omega_command_on_the_page_exists() -> None:
    named = {word for block in blocks("sh") for word in re.findall(r"\bomega ([a-z]+)", block)}
    assert named
    assert named <= {command.name for command in COMMANDS}


def test_every_sample_on_the_page_exists() -> None:
    named = re.findall(r"\]\(\.\./([^)#]+)\)", PAGE.read_text())
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
