"""Which commit a ref means."""

from __future__ import annotations

import pytest

from members.code_analyzer.refs import checked_ref, commit_of, names_for
from members.sandbox.refusals import Failed, Invalid

A, B, C = ("a" * 40, "b" * 40, "c" * 40)
LISTED = f"{A}\tHEAD\n{A}\trefs/heads/main\n{B}\trefs/tags/v1\n{C}\trefs/tags/v1^{{}}\n{B}\trefs/heads/v1/x\n"


@pytest.mark.parametrize(
    "ref", ["", "main", "feature/a-b", "v1.2.3", "refs/heads/main", "a" * 40, "dependabot/npm/@x/y"]
)
def test_names_that_git_takes_are_taken(ref: str) -> None:
    assert checked_ref(ref) == ref


@pytest.mark.parametrize(
    "ref",
    ["--upload-pack=x", "a b", "a..b", "/a", "a/", "a//b", "@{u}", "a.lock", "a:b", "*", "a\nb", "x" * 201, "a/.b"],
)
def test_what_is_no_name_is_refused(ref: str) -> None:
    with pytest.raises(Invalid, match="ref"):
        checked_ref(ref)


@pytest.mark.parametrize(
    ("ref", "commit"),
    [("", A), ("main", A), ("v1", C), ("refs/tags/v1", C), ("refs/heads/main", A), (B, B), ("v1/x", B)],
)
def test_a_ref_is_the_commit_it_stands_for(ref: str, commit: str) -> None:
    assert commit_of(ref, LISTED) == commit


def test_an_annotated_tag_is_asked_for_with_its_commit() -> None:
    assert names_for("v1") == ["refs/heads/v1", "refs/tags/v1", "refs/tags/v1^{}"]


def test_a_commit_id_still_asks_whether_the_server_lets_us_in() -> None:
    assert names_for(A) == names_for("") == ["HEAD"]


@pytest.mark.parametrize(("ref", "words"), [("other", "no branch or tag"), ("abc1234", "full id"), ("", "no commit")])
def test_an_unknown_ref_is_told(ref: str, words: str) -> None:
    with pytest.raises(Failed, match=words):
        commit_of(ref, f"{A}\trefs/heads/main\n")


def test_what_a_server_makes_up_is_no_commit() -> None:
    with pytest.raises(Failed):
        commit_of("main", "-evil\trefs/heads/main\nnonsense\n")
