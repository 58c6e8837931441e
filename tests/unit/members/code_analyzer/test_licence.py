"""Does a repository say under which licence it may be used?"""

from __future__ import annotations

import pytest

from members.code_analyzer.licence import is_manifest, missing_licence, names_licence


@pytest.mark.parametrize(
    "path",
    ["LICENSE", "LICENCE.md", "license.txt", "COPYING", "COPYING.LESSER", "UNLICENSE", "LICENSE-MIT", "MIT-LICENSE.txt",
     "LICENSES/MIT.txt"],
)  # fmt: skip
def test_a_licence_at_the_root_is_one(path: str) -> None:
    assert missing_licence(["a.py", path], named=False) == []


@pytest.mark.parametrize("path", ["vendor/x/LICENSE", "licensing.py", "README.md", "src/licenses.go"])
def test_other_files_are_none(path: str) -> None:
    (issue,) = missing_licence([path], named=False)
    assert (issue["type"], issue["line"]) == ("missing_licence", 1)


def test_a_manifest_that_names_one_is_enough() -> None:
    assert missing_licence(["package.json"], named=True) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("package.json", '{\n  "license": "MIT"\n}'),
        ("pyproject.toml", '[project]\nlicense = "MIT"\n'),
        ("Cargo.toml", 'license-file = "X"\n'),
        ("pom.xml", "  <licenses>\n"),
        ("a.gemspec", '  s.license = "MIT"\n'),
    ],
)
def test_manifests_name_their_licence(path: str, text: str) -> None:
    assert is_manifest(path)
    assert names_licence(text)
    assert not names_licence("name = 'x'\n")


def test_a_manifest_below_the_root_is_not_the_repositorys() -> None:
    assert not is_manifest("vendor/package.json")
