"""How far values have moved."""

from __future__ import annotations

import pytest

from members.data_validator.drift import shift, stability_index


def test_equal_shares_have_not_moved_however_many_they_are_of() -> None:
    assert stability_index([1, 2, 3], [10, 20, 30]) == pytest.approx(0)


def test_the_index_is_the_sum_over_bins() -> None:
    assert stability_index([50, 50], [80, 20]) == pytest.approx(0.3 * 0.47000363 + -0.3 * -0.91629073, abs=1e-6)


def test_an_empty_bin_is_no_infinity_and_no_values_are_no_shift() -> None:
    assert 1 < stability_index([1, 0], [0, 1]) < 20
    assert stability_index([0, 0], [1, 1]) == 0


@pytest.mark.parametrize(
    ("index", "before", "after", "word"),
    [
        (0.05, 0, 0, "stable"),
        (0.1, 0, 0, "moderate"),
        (0.25, 0, 0, "large"),
        (0, 0, 0.3, "large"),
        (0, 0.2, 0.1, "moderate"),
    ],
)
def test_one_word_says_how_far(index: float, before: float, after: float, word: str) -> None:
    assert shift(index, before, after) == word
