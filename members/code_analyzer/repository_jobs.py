"""The engine of repository workers."""

from __future__ import annotations

from members.code_analyzer.survey import survey

JOBS = {"survey": survey}
