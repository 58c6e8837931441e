"""A bench for jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.unit.members.image_service.pictures import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(autouse=True)
def limit_of_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs set Pillow's own limit, for the length of a worker: here, for the length of a test."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
