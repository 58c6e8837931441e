"""Known vulnerabilities of what is locked, asked of the network's database by pip-audit.

A database that cannot be reached says nothing about the packages: that is told, and is no failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.supply.lock import Lock

PATIENCE_S = 300
ANSWER_S = 10
KNOWN: Mapping[str, str] = {}
"""Vulnerabilities that are known and do not concern this project, each with the reason."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it."""

    failed: bool
    lines: tuple[str, ...]
    reached: bool = True
    """The database answered."""


def audit(lock: Lock, *more: str) -> Verdict:
    """What is known of the packages of a lock; `more` goes to pip-audit."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text("".join(f"{one.name}=={one.version}\n" for one in lock.packages))
        return _asked(["-r", str(wanted), "--no-deps", "--disable-pip", *more])


def _asked(options: Sequence[str]) -> Verdict:
    fixed = ["--vulnerability-service=osv", "--progress-spinner=off", f"--timeout={ANSWER_S}", "--format=json"]
    command = [sys.executable, "-m", "pip_audit", *fixed, *options]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return unreached(f"no answer within {PATIENCE_S} s")
    try:
        return verdict(json.loads(told.stdout))
    except (json.JSONDecodeError, KeyError, TypeError):
        return unreached(told.stderr.strip().rpartition("\n")[2][:160] or f"pip-audit ended with {told.returncode}")


def unreached(why: str) -> Verdict:
    """Nothing is known of the packages, and that is said."""
    return Verdict(False, (f"audit: NOT DONE, the vulnerability database was not reached ({why})",), reached=False)


def verdict(report: Mapping[str, Any]) -> Verdict:
    """What pip-audit's report says. Raises KeyError, TypeError for what is none."""
    packages = report["dependencies"]
    found = [
        f"audit: {one['name']} {one['version']}: {each['id']}, fixed in {', '.join(each['fix_versions']) or 'none yet'}"
        for one in packages
        for each in one.get("vulns", ())
        if each["id"] not in KNOWN
    ]
    skipped = [
        f"audit: {one['name']} was not looked at: {one['skip_reason']}" for one in packages if "skip_reason" in one
    ]
    return Verdict(
        bool(found), (*found, *skipped, f"audit: {len(packages)} packages, {len(found)} known vulnerabilities")
    )
