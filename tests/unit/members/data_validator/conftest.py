"""A desk for tables in each test's own folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.members.data_validator.tables import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
