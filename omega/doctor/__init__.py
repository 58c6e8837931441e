"""Looks at this machine: `facts` gathers, `findings` judges. `omega doctor` shows the findings."""

from __future__ import annotations

from omega.doctor.facts import Facts, gather
from omega.doctor.findings import Finding, Grade, judge

__all__ = ["Facts", "Finding", "Grade", "gather", "judge"]
