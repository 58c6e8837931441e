"""`python -m tests.chaos [--minutes 10] [--seed N] [--short] [--keep DIRECTORY] [--into PAGE]`.

Exit code 1: a promise was broken, or the run did not come to its end; its seed and its files are named.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bus.logs import configure_logs
from tests.chaos.checker import check
from tests.chaos.plan import Plan, make_plan, short_plan
from tests.chaos.process import end_on_sigterm
from tests.chaos.report import Run, between, page
from tests.chaos.run import Files, carry_out

MARKS = ("<!-- chaos: begin -->", "<!-- chaos: end -->")


def main() -> int:
    asked = _arguments()
    configure_logs("info" if asked.verbose else "error", json=False)
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1_000_000)
    plan = short_plan(seed) if asked.short else make_plan(seed, asked.minutes * 60)
    directory = asked.keep or Path(tempfile.mkdtemp(prefix="omega-chaos-"))
    directory.mkdir(parents=True, exist_ok=True)
    _say(f"seed {seed}, {plan.seconds:.0f} s; logs in {directory}")
    began = time.monotonic()
    try:
        left_out = uvloop.run(_interruptible(plan, Files(directory)))
    except (Exception, KeyboardInterrupt, asyncio.CancelledError) as exc:
        _say(f"seed {seed}: did not come to its end: {exc!r}; logs kept in {directory}")
        raise
    run = Run(seed, time.monotonic() - began, _machine(), _command(asked, seed), left_out)
    return _judged(run, Files(directory), asked)


def _judged(run: Run, files: Files, asked: argparse.Namespace) -> int:
    evidence = files.evidence()
    seconds = max(one.ended for one in evidence.operations) - evidence.operations[0].began
    run = Run(run.seed, seconds, run.machine, run.command, run.left_out)
    verdict = check(evidence)
    text = page(run, evidence, files.changed(), verdict)
    _say(text)
    if asked.into is not None:
        asked.into.write_text(between(asked.into.read_text(), MARKS, text))
    if not verdict.kept:
        _say(f"seed {run.seed}: a promise was broken; logs kept in {files.directory}")
        return 1
    if asked.keep is None:
        shutil.rmtree(files.directory)
    return 0


async def _interruptible(plan: Plan, files: Files) -> int:
    end_on_sigterm()
    return await carry_out(plan, files)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="A federation under faults, judged.")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the load (default 10)")
    parser.add_argument("--seed", type=int, help="of a schedule to be run again; a new one when not given")
    parser.add_argument("--short", action="store_true", help="one fault of each kind, about a minute")
    parser.add_argument("--keep", type=Path, help="a directory for journals and logs, kept in any case")
    parser.add_argument("--into", type=Path, help="a page with the marks of this report, to be brought up to date")
    parser.add_argument("--verbose", action="store_true", help="tell of each fault as it happens")
    return parser.parse_args()


def _machine() -> str:
    today = datetime.now(UTC).date()
    return f"{today}, Python {platform.python_version()}, {os.cpu_count()} cores for everything"


def _command(asked: argparse.Namespace, seed: int) -> str:
    length = "--short" if asked.short else f"--minutes {asked.minutes:g}"
    return f'make chaos ARGS="{length} --seed {seed}"'


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
