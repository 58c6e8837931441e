"""`python -m ops.supply leaks|audit|sbom [FILE]`: what `make check` and `make sbom` run.

An audit that found nothing holds for a day; `audit now` asks again.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ops.supply.audit import audit
from ops.supply.leaks import ALLOWED, leaks, read_allowed
from ops.supply.lock import read_lock
from ops.supply.sbom import write_bill

ROOT = Path(__file__).resolve().parent.parent.parent
LOCK = ROOT / "uv.lock"
STAMP = ROOT / ".venv" / ".audited"
DAY_S = 86_400
BILL = ROOT / "dist" / "omega-federation.cdx.json"


def look_for_leaks(_: Sequence[str]) -> int:
    found = list(leaks(ROOT, read_allowed(ALLOWED.read_text())))
    for leak in found:
        say(f"{leak.path}:{leak.line}: looks like a {leak.kind}; if it is none: {leak.allowance} # why")
    say(f"leaks: {len(found)} found" + (f"; what is none goes into {ALLOWED.relative_to(ROOT)}" if found else ""))
    return 1 if found else 0


def look_for_vulnerabilities(words: Sequence[str]) -> int:
    asked = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not words and STAMP.exists() and STAMP.read_text() == asked and time.time() - STAMP.stat().st_mtime < DAY_S:
        say("audit: nothing was known of these packages less than a day ago")
        return 0
    verdict = audit(read_lock(LOCK))
    for line in verdict.lines:
        say(line)
    if verdict.reached and not verdict.failed and STAMP.parent.is_dir():
        STAMP.write_text(asked)
    return 1 if verdict.failed else 0


def write_bill_of_materials(words: Sequence[str]) -> int:
    place = Path(words[0]) if words else BILL
    write_bill(read_lock(LOCK), LOCK.read_bytes(), place)
    say(f"sbom: {place}")
    return 0


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "leaks": look_for_leaks,
    "audit": look_for_vulnerabilities,
    "sbom": write_bill_of_materials,
}


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main(words: Sequence[str]) -> int:
    """The status the process ends with."""
    command = COMMANDS.get(words[0]) if words else None
    if command is None:
        say(__doc__ or "")
        return 2
    return command(words[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
