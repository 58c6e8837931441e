"""Ruff on Python: the faults of files in a folder, and what a snippet could do better. Runs in workers only.

Ruff has no Python API, so its command is run: isolated from every configuration file, without a cache, with the
rules named here and no others.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ruff import find_ruff_bin  # type: ignore[import-untyped]  # it ships no types

from members.code_analyzer.findings import Severity
from members.sandbox.refusals import Failed

TARGET = "py311"
TIMEOUT_S: Final = 60

FAULTS: Mapping[str, tuple[str, Severity, str]] = {
    "invalid-syntax": ("syntax_error", "medium", "This is not valid Python"),
    "B006": ("bug_risk", "medium", "A mutable default argument is shared by all calls"),
    "B012": ("bug_risk", "medium", "Leaving a finally block this way swallows exceptions"),
    "B015": ("bug_risk", "low", "A comparison whose result is not used"),
    "B018": ("bug_risk", "low", "An expression whose value is not used"),
    "B023": ("bug_risk", "medium", "A function made in a loop uses a loop variable of the last round"),
    "E722": ("code_smell", "low", "A bare except also catches what should end the program"),
    "F401": ("unused_import", "low", ""),
    "F402": ("bug_risk", "medium", ""),
    "F632": ("bug_risk", "medium", "`is` compares identity; literals are to be compared with `==`"),
    "F811": ("redefinition", "low", ""),
    "F821": ("undefined_name", "medium", ""),
    "F823": ("undefined_name", "medium", ""),
    "F841": ("unused_variable", "low", ""),
    "PLE0100": ("bug_risk", "medium", ""),
    "PLE0604": ("bug_risk", "medium", ""),
    "PLE1205": ("bug_risk", "medium", ""),
    "PLE1206": ("bug_risk", "medium", ""),
}
"""What is told about repositories: type, severity and our words; without words ruff's own, which then quote names of
variables and modules only, never values."""

DANGERS = (
    "S102", "S103", "S104", "S108", "S113", "S201", "S202", "S301", "S302", "S304", "S305", "S306", "S307", "S308",
    "S311", "S312", "S313", "S314", "S315", "S316", "S317", "S318", "S319", "S321", "S323", "S324", "S501", "S502",
    "S503", "S504", "S505", "S506", "S507", "S508", "S509", "S601", "S602", "S604", "S605", "S608", "S609", "S610",
    "S611", "S612", "S701", "S702", "S704",
)  # fmt: skip
"""Ruff's security rules whose finding in a whole repository is worth a look; secrets are found by other means."""

GUESSES = {"S104", "S108", "S311", "S604"}
"""Of those, the ones that are often harmless."""

CWE: Mapping[str, int] = {
    "code_injection": 95, "command_injection": 78, "debug_enabled": 94, "cleartext_protocol": 319,
    "insecure_permissions": 732, "insecure_tls": 295, "missing_timeout": 400, "open_binding": 605,
    "path_traversal": 22, "sql_injection": 89, "ssrf": 918, "unsafe_deserialization": 502, "unsafe_temp_file": 377,
    "weak_cipher": 327, "weak_hash": 328, "weak_key": 326, "weak_random": 338, "xss": 79, "xxe": 611,
}  # fmt: skip
"""Numbers in the Common Weakness Enumeration, by our type."""

ADVICE = (
    "B",
    "C4",
    "E4",
    "E7",
    "E9",
    "F",
    "FURB",
    "PERF",
    "PIE",
    "PLC",
    "PLE",
    "PLR",
    "PLW",
    "RET",
    "RUF",
    "SIM",
    "UP",
)
NOT_ADVICE = ("F821", "PLR09", "PLR2004", "PLC2401", "RUF001", "RUF002", "RUF003", "RUF100")
"""Names that a fragment need not define; sizes, which thresholds tell; matters of taste."""

Diagnostic = Mapping[str, Any]


def faults_in(folder: Path) -> list[Diagnostic]:
    """Diagnostics of every Python file below a folder, for the rules in `FAULTS`."""
    rules = ",".join(rule for rule in FAULTS if rule != "invalid-syntax")
    return diagnostics(run(["--select", rules, *PLACES, *AS_JSON, str(folder)]))


def dangers_in(folder: Path) -> list[Diagnostic]:
    """The same for the rules in `DANGERS`; comments that silence ruff are not obeyed."""
    found = diagnostics(run(["--select", ",".join(DANGERS), "--ignore-noqa", *PLACES, *AS_JSON, str(folder)]))
    return [each for each in found if each["code"] in DANGERS]


def advice_on(code: str) -> list[Diagnostic]:
    """Diagnostics of one snippet; a syntax error comes as rule `invalid-syntax`."""
    return diagnostics(run([*ADVICE_RULES, *AS_JSON, *FROM_STDIN], code))


def fixed(code: str) -> str:
    """The snippet with every fix applied that ruff calls safe."""
    return run([*ADVICE_RULES, "--fix-only", *FROM_STDIN], code)


def run(arguments: Sequence[str], code: str = "") -> str:
    """Ruff's output. Raises Failed when ruff itself fails."""
    command = [find_ruff_bin(), "check", "--isolated", "--no-cache", "--quiet", "--target-version", TARGET, *arguments]
    ended = subprocess.run(
        command, input=code.encode("utf-8", "replace"), capture_output=True, timeout=TIMEOUT_S, check=False
    )
    if ended.returncode not in (0, 1):
        raise Failed("ruff could not work on this code", reason="engine_crashed")
    return ended.stdout.decode("utf-8", "replace")


def diagnostics(output: str) -> list[Diagnostic]:
    found: list[Diagnostic] = json.loads(output or "[]")
    return found


PLACES = ("--no-respect-gitignore", "--per-file-ignores", "__init__.py:F401")
AS_JSON = ("--output-format", "json")
ADVICE_RULES = ("--select", ",".join(ADVICE), "--ignore", ",".join(NOT_ADVICE))
FROM_STDIN = ("--stdin-filename", "snippet.py", "-")
