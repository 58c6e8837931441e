"""Secrets in the files under version control, found by their form. Quick enough to run at every check.

What only looks like one is listed in `allowed.txt` beside this file by a digest of itself, so that the list repeats
no secret and an allowed text is allowed nowhere else than in its file.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ALLOWED = Path(__file__).parent / "allowed.txt"
MAX_FILE = 4 << 20

FORMS = {
    "private key": r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----\s*[A-Za-z0-9+/=\s]{40,}",
    "NATS seed": r"\bS[AUONCXP][A-Z2-7]{56}\b",
    "token": r"\bey[A-Z][A-Za-z0-9_-]{16,}\.ey[A-Z][A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    "gateway key": r"\bomk_[A-Za-z0-9]+_[A-Za-z0-9_-]{20,}",
    "cloud key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}",
    "service token": r"\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_[A-Za-z0-9_]{50,}|\bglpat-[A-Za-z0-9_-]{20}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}|\b[sr]k_live_[A-Za-z0-9]{16,}|\bpypi-[A-Za-z0-9_-]{50,}|\bnpm_[A-Za-z0-9]{36}"
    r"|\bsk-[A-Za-z0-9_-]{32,}|\bhf_[A-Za-z0-9]{30,}",
    "login in a URL": r"[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'`<>{}$*]{1,60}:[^\s:/@\"'`<>{}$*]{3,60}@[A-Za-z0-9\[]",
    "password": r"(?i:password|passwd|secret|api_?key|access_?token|auth_?token)[\"']?\s{0,3}[:=]\s{0,3}"
    r"[\"'][^\s\"'{}$<>*]{8,}[\"']",
}
_ANY = re.compile("|".join(f"(?P<f{place}>{form})" for place, form in enumerate(FORMS.values())))
_NAMES = list(FORMS)
_ONLY_OUTSIDE_TESTS = frozenset({"login in a URL", "password"})
"""Tests are full of made-up logins: there only what has the form of a real one counts."""


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that looks like a secret; it is never shown."""

    path: str
    line: int
    kind: str
    digest: str

    @property
    def allowance(self) -> str:
        """The line that allows it."""
        return f"{self.path} {self.digest}"


def leaks_in(path: str, text: str) -> Iterator[Leak]:
    """What looks like a secret in a file."""
    for found in _ANY.finditer(text):
        kind = _NAMES[int((found.lastgroup or "f0")[1:])]
        if not (kind in _ONLY_OUTSIDE_TESTS and path.startswith("tests/")):
            digest = hashlib.sha256(found[0].encode()).hexdigest()[:16]
            yield Leak(path, text.count("\n", 0, found.start()) + 1, kind, digest)


def files(root: Path) -> list[str]:
    """Every file that is under version control, or would be if it were added."""
    listed = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(listed, capture_output=True, check=True, timeout=30).stdout
    return sorted({name.decode() for name in told.split(b"\0") if name})


def leaks(root: Path, allowed: frozenset[str]) -> Iterator[Leak]:
    """What looks like a secret and is not allowed."""
    for name in files(root):
        path = root / name
        if not path.is_file() or path.is_symlink() or path.stat().st_size > MAX_FILE:
            continue
        content = path.read_bytes()
        if b"\0" not in content[:8_192]:
            found = leaks_in(name, content.decode("utf-8", "replace"))
            yield from (leak for leak in found if leak.allowance not in allowed)


def read_allowed(text: str) -> frozenset[str]:
    """The allowances in a list; what stands behind `#` is the reason."""
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    return frozenset(" ".join(words) for words in lines if words)
