"""Does a repository say under which licence it may be used? By names in its tree, and by what its manifests hold."""

from __future__ import annotations

import re
from collections.abc import Iterable

from members.code_analyzer.findings import Issue

FILE = re.compile(r"(?:(?:.*[-_. ])?(?:licen[cs]es?|copying|unlicense|copyright|eula)(?:[-_. ].*)?)", re.IGNORECASE)
MANIFEST = re.compile(
    r"""^\s*["']?licen[cs]e(?:s|-files?|-expression)?["']?\s*[:=]|\.licen[cs]es?\s*=|License\s*::|<licenses?>""",
    re.I | re.M,
)
MANIFESTS = {
    "package.json", "pyproject.toml", "cargo.toml", "composer.json", "setup.py", "setup.cfg", "pom.xml", "metadata",
}  # fmt: skip


def is_licence(path: str) -> bool:
    """A licence at the root, or in the folder of licences that the REUSE convention names."""
    return path.startswith("LICENSES/") or ("/" not in path and FILE.fullmatch(path) is not None)


def is_manifest(path: str) -> bool:
    """A file at the root that may name the licence."""
    return path.lower() in MANIFESTS or ("/" not in path and path.endswith(".gemspec"))


def names_licence(text: str) -> bool:
    """Does a manifest say a licence?"""
    return MANIFEST.search(text) is not None


def missing_licence(paths: Iterable[str], *, named: bool) -> list[Issue]:
    """The issue, or nothing. `named`: a manifest says it."""
    if named or any(is_licence(path) for path in paths):
        return []
    message = "There is no licence file and no manifest that names a licence: nobody may use this code"
    return [{"type": "missing_licence", "severity": "low", "file": "LICENSE", "line": 1, "message": message}]
