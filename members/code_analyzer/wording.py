"""Our words for each of bandit's tests, kept as data in `texts/bandit.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

TEXTS = Path(__file__).with_name("texts") / "bandit.yml"

ELSEWHERE = {"type": "security", "message": "Bandit finds a weakness here", "advice": "Read bandit's page on {id}."}


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """What is told for each test, by bandit's id."""
    read: dict[str, dict[str, str]] = yaml.safe_load(TEXTS.read_text(encoding="utf-8"))
    return read
