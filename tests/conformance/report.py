"""Runs the conformance suite and writes docs/conformance.md: `python -m tests.conformance.report`."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bus import BusSettings
from tests.conformance import suite
from tests.conformance.stage import Stage, stage
from tests.support.nats import NatsServer

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "conformance.md"
VERSION = "0.2.0-alpha.12"

HEAD = f"""# Conformance

What the official suite, `@modelcontextprotocol/conformance@{VERSION}`, says of a member behind the gateway, at
`POST /servers/{{id}}/mcp`. The same runs are tests (`tests/conformance`), and they fail when this page is out of date.
Write it anew with `python -m tests.conformance.report`.

Where it says two gateways, a proxy sends every single HTTP request to the other one of two gateways that share nothing
but NATS and `OMEGA_GATEWAY_SESSION_KEY`: sessions, open questions to the client and cancellations find their way.

The suite tells which scenarios a revision requires. The others are run too and marked with the suite's own reason why
they do not count; `tasks-*` test an extension that a member offers or does not.
"""


@dataclass(frozen=True)
class Run:
    """One run of the suite."""

    title: str
    options: tuple[str, ...]
    required: int
    """Scenarios that must pass: fewer in a run means that it did not run what it should."""
    two_gateways: bool = False

    def url(self, staged: Stage) -> str:
        return staged.both if self.two_gateways else staged.one


RUNS = (
    Run("2026-07-28", ("--requirements", "2026-07-28"), 37),
    Run("2025-11-25", ("--requirements", "2025-11-25"), 30),
    Run("2025-06-18, active suite", ("--suite", "active", "--spec-version", "2025-06-18"), 27),
    Run("2026-07-28, two gateways", ("--requirements", "2026-07-28"), 37, two_gateways=True),
    Run("2025-11-25, two gateways", ("--requirements", "2025-11-25"), 30, two_gateways=True),
)


def rows(run: Run, outcome: suite.Outcome) -> list[str]:
    """The run as lines of a table: without counts, which an unscored scenario may vary."""
    return [f"| {one.name} | {_word(one)} |" for one in outcome.scenarios if one.checks or one.passed]


def _word(scenario: suite.Scenario) -> str:
    word = "passed" if scenario.passed else "not passed"
    if scenario.passed and not scenario.checks:
        word = "not applicable"
    return f"{word} (not scored: {scenario.unscored})" if scenario.unscored else word


def section(run: Run, outcome: suite.Outcome) -> str:
    passed = sum(scenario.passed for scenario in outcome.required)
    head = (
        f"## {run.title}\n\n`{' '.join(run.options)}`: {passed} of {len(outcome.required)} required scenarios passed."
    )
    return "\n".join([head, "", "| scenario | outcome |", "|---|---|", *rows(run, outcome), ""])


def shown(run: Run) -> str:
    """The run's section in the document."""
    _, _, rest = DOCUMENT.read_text().partition(f"## {run.title}\n")
    return rest.partition("\n## ")[0]


async def write() -> None:
    """Run everything and write the document."""
    place = await suite.installed()
    with tempfile.TemporaryDirectory() as folder:
        server = NatsServer(Path(folder))
        server.start()
        try:
            async with stage(BusSettings(nats_url=server.url)) as staged:
                sections = [section(run, await suite.run(place, run.url(staged), run.options)) for run in RUNS]
        finally:
            server.stop()
    DOCUMENT.write_text("\n".join([HEAD, *sections]))


if __name__ == "__main__":
    asyncio.run(write())
