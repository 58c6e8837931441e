"""The official conformance suite finds nothing missing behind one gateway, nor behind two in turn.

`docs/conformance.md` shows the last run; `python -m tests.conformance.report` writes it anew.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bus import BusSettings
from tests.conformance import suite
from tests.conformance.report import RUNS, Run, rows, shown
from tests.conformance.stage import Stage, stage

pytestmark = [
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),  # the suite asks for logging
    pytest.mark.timeout(420),
    pytest.mark.skipif(suite.npm() is None and not os.environ.get("CI"), reason="npm is not installed"),
]


@pytest.fixture
async def place() -> Path:
    return await suite.installed()


@pytest.fixture
async def staged(settings: BusSettings) -> AsyncIterator[Stage]:
    async with stage(settings) as found:
        yield found


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.title)
async def test_every_required_scenario_passes(run: Run, place: Path, staged: Stage) -> None:
    outcome = await suite.run(place, run.url(staged), run.options)
    failed = [scenario.name for scenario in outcome.required if not scenario.passed]
    assert (outcome.code, failed) == (0, []), outcome.text
    assert len(outcome.required) == run.required, outcome.text
    if run.two_gateways:
        assert min(staged.proxy.sent.values()) > run.required
    missing = [row for row in rows(run, outcome) if row not in shown(run)]
    assert not missing, "docs/conformance.md is out of date: run python -m tests.conformance.report"
