"""`doctor`: what is wrong on this machine, and what to do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from omega.cli.options import Json
from omega.cli.output import show, show_json
from omega.cli.reach import Reach
from omega.cli.words import shown
from omega.composition import GATEWAY_PORT, NATS_PORT, UpSettings
from omega.doctor import Finding, Grade, gather, judge
from omega.handshake import Exit
from omega.home import home_from
from omega.trouble import Trouble

_MARKS = {Grade.FINE: ("✓", "green"), Grade.NOTE: ("!", "yellow"), Grade.WRONG: ("✗", "bold red")}
_DEFAULT_REACH = Reach()


async def doctor(
    *,
    port: Annotated[int, Parameter(env_var="OMEGA_GATEWAY_PORT")] = GATEWAY_PORT,
    nats_port: Annotated[int, Parameter(env_var="OMEGA_NATS_PORT")] = NATS_PORT,
    json: Json = False,
    reach: Reach = _DEFAULT_REACH,
) -> int:
    """Look for what is wrong on this machine, and say what to do.

    Looks at Python, the NATS server, what the services need, the run directory, the ports and the running federation;
    changes nothing. Exit code 1: something is wrong.

    Parameters
    ----------
    port
        Port of the gateway of the start that is planned.
    nats_port
        Port of its NATS.
    """
    facts = gather(UpSettings(home=home_from(os.environ), port=port, nats_port=nats_port))
    findings = judge(facts)
    if facts.alive or reach.nats:
        findings.append(await _directory(reach))
    if json:
        show_json({"findings": [asdict(finding) for finding in findings]})
    else:
        show(report(findings))
    return Exit.FAILED if any(finding.grade is Grade.WRONG for finding in findings) else Exit.OK


def report(findings: Sequence[Finding]) -> RenderableType:
    """The findings for people, and how many need something done."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for finding in findings:
        mark, style = _MARKS[finding.grade]
        table.add_row(Text(mark, style=style), shown(finding.title, "bold"), _text(finding))
    wrong = sum(finding.grade is Grade.WRONG for finding in findings)
    verdict = Text(f"{wrong} in the way of a healthy federation", "red") if wrong else Text("nothing is wrong", "green")
    return Group(table, Text(), verdict)


def _text(finding: Finding) -> Text:
    text = shown(finding.text)
    return text.append_text(shown(f"\n→ {finding.remedy}", "cyan")) if finding.remedy else text


async def _directory(reach: Reach) -> Finding:
    """Whether a directory answers, and what it knows."""
    try:
        async with reach.federation() as federation:
            stats = await federation.ask("stats")
    except Trouble as exc:
        return Finding("directory", Grade.WRONG, exc.lines[0], "omega logs nats, omega logs directory")
    known = f"{stats.get('members', 0)} members, {stats.get('instances', 0)} copies"
    return Finding("directory", Grade.FINE, f"answers: {known}")
