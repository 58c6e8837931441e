"""The engine of repository workers."""

from __future__ import annotations

from members.code_analyzer.clones import duplicates
from members.code_analyzer.measuring import measure
from members.code_analyzer.searching import search

JOBS = {"measure": measure, "search": search, "duplicates": duplicates}
