"""The page about signing: its commands do what it says, and its programs too."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bus import Bus, BusSettings, Federation
from bus.compact import Reason
from bus.errors import NotAllowed
from tests.support.commands import Ended, run
from tests.support.federation import QUICK, running_directory, running_member
from tests.support.markdown import ROOT, Block, blocks

PAGE = (ROOT / "docs" / "signing.md").read_text()
SHELL = [block for block in blocks(PAGE) if block.language == "sh" and block.runs]
PYTHON = [block for block in blocks(PAGE) if block.language == "python" and block.runs]


@pytest.fixture
async def federation(bus: Bus, settings: BusSettings, tmp_path: Path) -> AsyncIterator[Federation]:
    """A federation that trusts the keys in `trust`, and takes nothing unsigned."""
    (tmp_path / "trust").mkdir()
    rules = QUICK.model_copy(update={"trust_store": tmp_path / "trust", "signatures": "require"})
    async with running_directory(settings, rules):
        yield Federation(bus)


async def shell(block: Block, federation: Federation, at: Path) -> Ended:
    environment = {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "OMEGA_NATS_URL": federation.bus.settings.nats_url,
        "OMEGA_HOME": str(at / "home"),
    }
    return await run(["sh", "-e", "-c", block.text], environment, at=at)


async def test_the_commands_of_the_page_sign_verify_rotate_and_own(federation: Federation, tmp_path: Path) -> None:
    said = []
    for block in SHELL:
        ended = await shell(block, federation, tmp_path)
        assert ended.code == 0, ended.out + ended.err
        said.append(ended.out)
    assert "trusts my_service-1 for my_service" in said[0]
    assert said[1].count("verified: my_service is signed with my_service-1 (ES256)") == 2
    assert "registered my_service" in said[1]
    assert "verified: my_service is signed with my_service-2" in said[2]
    assert "my_service: key:my_service-1" in said[3]
    assert "my_service is owned by http:alice" in said[3]
    assert "my_service is owned by nobody" in said[3]


async def test_a_key_that_went_verifies_nothing(federation: Federation, tmp_path: Path) -> None:
    for block in SHELL[:2]:
        await shell(block, federation, tmp_path)
    (tmp_path / "trust" / "my_service-1.json").unlink()
    show = Block("sh", True, "omega show my_service --verify --trust-store trust")
    ended = await shell(show, federation, tmp_path)
    assert (ended.code, ended.out) == (1, "")
    assert "my_service-1" in ended.err


async def test_the_programs_of_the_page_sign_and_check(
    federation: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await shell(SHELL[0], federation, tmp_path)).code == 0
    monkeypatch.chdir(tmp_path)
    program: dict[str, Any] = {"__name__": "page"}
    for block in PYTHON:
        exec(compile(block.text, "docs/signing.md", "exec", dont_inherit=True), program)
    async with running_member(program["member"], federation.bus.settings):
        kid, manifest = await program["trusted"](federation, "my_service")
        assert (kid, manifest["name"]) == ("my_service-1", "My Service")
        (tmp_path / "trust" / "my_service-1.json").unlink()
        with pytest.raises(NotAllowed, match="no trusted key"):
            await program["trusted"](federation, "my_service")


def test_every_reason_of_a_refusal_is_on_the_page() -> None:
    of_clients = {Reason.UNSIGNED, Reason.DIFFERS}
    assert not [reason.value for reason in set(Reason) - of_clients if f"`{reason.value}`" not in PAGE]
