"""Everything that was ever found by feeding nonsense is fed again, beside the beginnings the fuzzer is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import fuzz
from tests.fuzz.targets import TARGETS

CORPUS = Path(fuzz.__file__).parent / "corpus"


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_once_does_no_harm(name: str) -> None:
    files = sorted((CORPUS / name).iterdir())
    assert files, f"no beginnings for {name}"
    for file in files:
        try:
            TARGETS[name].feed(file.read_bytes())
        except Exception as exc:
            raise AssertionError(f"{file.name}: {exc!r}") from exc


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_beginnings_with_a_few_bytes_changed_do_no_harm(name: str, data: st.DataObject) -> None:
    begun = data.draw(st.sampled_from(sorted((CORPUS / name).iterdir()))).read_bytes()
    at = data.draw(st.integers(0, len(begun)))
    until = data.draw(st.integers(at, min(len(begun), at + 8)))
    TARGETS[name].feed(begun[:at] + data.draw(st.binary(max_size=12)) + begun[until:])
