"""Which commit a caller means: what a ref may be, and what a server's list of refs says about it (pure)."""

from __future__ import annotations

import re

from members.sandbox.refusals import Failed, Invalid

COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
NAME = re.compile(r"(?!-)[A-Za-z0-9._/+@=#-]{1,200}")
FAULTY = re.compile(r"\.\.|//|@\{|^[/.]|[/.]$|\.lock(?:/|$)|/\.")
SHORTENED = re.compile(r"[0-9a-f]{6,63}")


def checked_ref(ref: str) -> str:
    """The ref as given. Raises Invalid when it is neither a name that git would take nor a commit id."""
    if ref and (not NAME.fullmatch(ref) or FAULTY.search(ref)):
        raise Invalid("ref is no name of a branch or tag and no commit id", field="ref")
    return ref


def names_for(ref: str) -> list[str]:
    """What to ask a server for. A commit id is asked as HEAD: that shows whether the server lets us in."""
    if not ref or COMMIT.fullmatch(ref):
        return ["HEAD"]
    if ref.startswith("refs/"):
        return [ref, f"{ref}^{{}}"]
    return [f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/tags/{ref}^{{}}"]


def commit_of(ref: str, listed: str) -> str:
    """The commit that a ref stands for in a server's answer, a branch before a tag. Raises Failed."""
    if COMMIT.fullmatch(ref):
        return ref
    parted = (line.partition("\t") for line in listed.splitlines())
    found = {name: commit for commit, _, name in parted}
    tag = f"refs/tags/{ref}" if not ref.startswith("refs/") else ref
    for name in (f"refs/heads/{ref}", f"{tag}^{{}}", tag) if ref else ("HEAD",):
        if COMMIT.fullmatch(found.get(name, "")):
            return found[name]
    raise nothing_there(ref)


def nothing_there(ref: str) -> Failed:
    """Why there is no commit."""
    if not ref:
        return Failed("there is no commit at this URL: an empty repository, or no git repository", reason="empty")
    hint = "; a commit needs its full id" if SHORTENED.fullmatch(ref) else ""
    return Failed(f"ref: there is no branch or tag of this name{hint}", reason="unknown_ref", field="ref")
