"""What versions mean, in which order they stand, and which ranges hold them."""

from __future__ import annotations

from contextlib import suppress

import pytest
import semver
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import InvalidRequest
from directory.versions import MAX_VERSION, UNREADABLE, precedence, read_range

numbers = st.integers(min_value=0, max_value=12)
identifiers = st.one_of(numbers.map(str), st.sampled_from(["alpha", "beta", "rc", "rc1", "x-y", "A"]))
pre_releases = st.one_of(st.none(), st.lists(identifiers, min_size=1, max_size=3).map(".".join))
versions = st.builds(semver.Version, numbers, numbers, numbers, pre_releases)
SIGNS = ["", "=", "==", "!=", ">", ">=", "<", "<=", "~", "^"]
terms = st.builds(lambda sign, version: f"{sign}{version}", st.sampled_from(SIGNS), versions)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1", "1.0.0"),
        ("1.0", "1.0.0"),
        ("v2", "2.0.0"),
        ("V2.1", "2.1.0"),
        (" 1.2.3 ", "1.2.3"),
        ("=1.2.3", "1.2.3"),
        ("1.0.0rc1", "1.0.0-rc1"),
        ("1.0-beta.2", "1.0.0-beta.2"),
        ("1.2.3.dev4", "1.2.3-dev4"),
        ("2026.01.05", "2026.1.5"),
        ("1.2.3+build.7", "1.2.3"),
        ("1.2.3.4", "1.2.3"),
        ("1.0.0-rc.01", "1.0.0-rc.1"),
    ],
)
def test_a_version_is_read_for_what_it_means(written: str, meant: str) -> None:
    assert precedence(written) == precedence(meant)
    assert precedence(written).readable


@pytest.mark.parametrize("text", ["", "latest", "1.", ".1", "1..2", "-1.0.0", "1.0.0-", "1,0", "१.२.३", "9" * 400])
def test_what_is_no_version_stands_lowest(text: str) -> None:
    assert precedence(text) == UNREADABLE
    assert precedence(text) < precedence("0.0.0-0")


def test_a_version_longer_than_the_limit_is_no_version() -> None:
    assert precedence("1.0.0-" + "a" * (MAX_VERSION - 6)).readable
    assert not precedence("1.0.0-" + "a" * (MAX_VERSION - 5)).readable


@given(st.text(max_size=40))
def test_no_text_is_an_error(text: str) -> None:
    assert (precedence(text) < UNREADABLE) is False


@given(versions, versions)
def test_the_order_is_that_of_semantic_versioning(one: semver.Version, other: semver.Version) -> None:
    mine = (precedence(str(one)) > precedence(str(other))) - (precedence(str(one)) < precedence(str(other)))
    assert mine == one.compare(other)


def test_a_pre_release_stands_below_its_release_and_above_the_one_before() -> None:
    assert precedence("1.9.9") < precedence("2.0.0-rc1") < precedence("2.0.0")


def test_numbers_are_compared_as_numbers() -> None:
    assert precedence("1.0.11") < precedence("1.1.0") < precedence("1.10.0")


@pytest.mark.parametrize(
    ("text", "held", "not_held"),
    [
        (">=1.2 <2", ["1.2", "1.2.0", "1.99.9", "v1.5"], ["1.1.9", "2.0.0", "2.0.0-rc1", "1.5.0-rc1", "latest"]),
        (">=1.2, <2", ["1.2.0", "1.9.9"], ["1.1.9", "2.0.0"]),
        (">= 1.2,<2", ["1.2.0"], ["2.0.0"]),
        ("^1.4", ["1.4.0", "1.99.0"], ["1.3.9", "2.0.0"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.2.2", "0.3.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("^0", ["0.0.0", "0.9.9"], ["1.0.0"]),
        ("~2.0.1", ["2.0.1", "2.0.9"], ["2.0.0", "2.1.0"]),
        ("~1.2", ["1.2.0", "1.2.9"], ["1.3.0"]),
        ("~1", ["1.0.0", "1.9.0"], ["2.0.0"]),
        ("1.x", ["1.0.0", "1.9.9"], ["0.9.9", "2.0.0"]),
        ("1.2.*", ["1.2.0", "1.2.9"], ["1.3.0"]),
        ("1.2", ["1.2.0", "1.2.9"], ["1.3.0", "1.1.0"]),
        ("1.0.0", ["1.0.0", "v1", "1.0.0+b"], ["1.0.1", "1.0.0-rc1"]),
        ("==1.0.0", ["1.0.0"], ["1.0.1"]),
        ("!=1.3", ["1.2.9", "1.4.0"], ["1.3.0", "1.3.7", "latest"]),
        (">1.2", ["1.3.0"], ["1.2.0", "1.2.9"]),
        ("<=1.2", ["1.2.9", "0.1.0"], ["1.3.0"]),
        (">1.2.3 <=1.2.5", ["1.2.4", "1.2.5"], ["1.2.3", "1.2.6"]),
        ("1.0.0-rc1", ["1.0.0-rc1"], ["1.0.0", "1.0.0-rc2"]),
        (">=1.0.0-rc1", ["1.0.0-rc1", "1.0.0-rc2", "1.0.0", "1.1.0"], ["1.0.0-beta", "1.1.0-rc1"]),
        ("*", ["1.0.0", "2.0.0-rc1", "latest", ""], []),
        ("!=1.0.0-rc1", ["1.0.0", "1.1.0"], ["1.0.0-rc1", "1.0.0-rc2"]),
        ("x >=1", ["1.0.0"], ["0.9.0", "latest"]),
    ],
)
def test_a_range_holds_what_it_says(text: str, held: list[str], not_held: list[str]) -> None:
    wanted = read_range(text)
    assert [version for version in held if not wanted.holds(version)] == []
    assert [version for version in not_held if wanted.holds(version)] == []


@pytest.mark.parametrize(
    "text",
    ["", " ", ",", "latest", ">=", "1.2.3.4", "1.2 - 2.0", ">=1<2", ">>1", "^^1", "1.x-rc1", "<*", "!=*", "1.0.0 || 2"],
)
def test_an_unreadable_range_is_refused_naming_the_field(text: str) -> None:
    with pytest.raises(InvalidRequest, match="version: a range") as refused:
        read_range(text)
    assert refused.value.details == {"field": "version"}


@given(st.text(alphabet="0123456789.xX*^~<>=!-, avrc", max_size=20))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    with suppress(InvalidRequest):
        assert read_range(text).holds("1.0.0") in (True, False)


@given(versions)
def test_an_exact_range_holds_its_own_version(version: semver.Version) -> None:
    assert read_range(str(version)).holds(str(version))


@given(versions, versions)
def test_the_two_sides_of_a_bound_share_no_version_and_miss_none(bound: semver.Version, one: semver.Version) -> None:
    stable = semver.Version(one.major, one.minor, one.patch)
    below, from_here = read_range(f"<{bound}"), read_range(f">={bound}")
    assert below.holds(str(stable)) is not from_here.holds(str(stable))


@given(st.lists(terms, min_size=1, max_size=3), versions)
def test_several_conditions_hold_only_what_each_holds(several: list[str], version: semver.Version) -> None:
    stable = f"{version.major}.{version.minor}.{version.patch}"
    assert read_range(", ".join(several)).holds(stable) is all(read_range(term).holds(stable) for term in several)
