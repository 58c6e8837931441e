"""The engine of snippet workers."""

from __future__ import annotations

from members.code_analyzer.refactoring import refactor
from members.code_analyzer.scanning import security_scan

JOBS = {"refactor": refactor, "security_scan": security_scan}
