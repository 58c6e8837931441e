"""A folder of the machine itself as a repository: only below roots that the operator named, and never through a link.

Every folder on the way is opened by its own name without following links, so that nothing which changes meanwhile
can lead outside.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from members.code_analyzer.tree import Entry
from members.sandbox.refusals import Failed, Forbidden, Invalid, TooLarge

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
MAX_DEPTH = 60
OWN = {".git", ".hg", ".svn"}
MODES = {stat.S_IFREG: "100644", stat.S_IFLNK: "120000"}


def is_local(repo_url: str) -> bool:
    """Does a caller mean a folder of this machine?"""
    return repo_url.startswith(("/", "file:"))


def allowed(repo_url: str, roots: Sequence[Path]) -> tuple[Path, PurePosixPath]:
    """The root and the path below it. Raises Forbidden when no root holds it, without telling whether it exists."""
    if not roots:
        raise Forbidden("repo_url: only https URLs are read; an operator can allow local folders", field="repo_url")
    path = unquote(urlsplit(repo_url).path) if repo_url.startswith("file:") else repo_url
    if "\0" in path or ".." in PurePosixPath(path).parts:
        raise Invalid("repo_url: the path is not plain", field="repo_url")
    for root in sorted(roots, key=lambda each: -len(each.parts)):
        if PurePosixPath(path).is_relative_to(root):
            return root, PurePosixPath(path).relative_to(root)
    raise Forbidden("repo_url: this folder is not below one of the allowed folders", field="repo_url")


def opened(root: int, path: PurePosixPath, flags: int) -> int:
    """A descriptor of what lies at a path below an open folder. Raises OSError, also at a link on the way."""
    here = os.dup(root)
    try:
        for part in path.parts[:-1]:
            deeper = os.open(part, FOLDER, dir_fd=here)
            os.close(here)
            here = deeper
        return os.open(path.name or ".", flags, dir_fd=here)
    finally:
        os.close(here)


def open_folder(root: Path, path: PurePosixPath) -> int:
    """A descriptor of the folder to be read. Raises Failed."""
    try:
        top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return opened(top, path, FOLDER)
        finally:
            os.close(top)
    except OSError:
        raise Failed("repo_url: there is no folder at this path", reason="not_found") from None


def entries(root: Path, path: PurePosixPath, max_files: int) -> list[Entry]:
    """Everything below a folder, in the shape of a commit's tree. Raises TooLarge, Failed."""
    folder = open_folder(root, path)
    found: list[Entry] = []
    try:
        for entry in walk(folder, PurePosixPath()):
            found.append(entry)
            if len(found) > max_files:
                raise TooLarge(f"the repository has more than {max_files} files", max_files=max_files)
    finally:
        os.close(folder)
    return found


def walk(folder: int, below: PurePosixPath) -> Iterator[Entry]:
    """Files and links of a folder and of those below it; what may not be read is left out."""
    with os.scandir(folder) as listed:
        names = sorted(each.name for each in listed if each.name not in OWN)
    for name in names:
        with suppress(FileNotFoundError):
            about = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(about.st_mode):
                yield from subfolder(folder, name, below / name)
            else:
                yield entry(name, about, below)


def entry(name: str, about: os.stat_result, below: PurePosixPath) -> Entry:
    """One file or link. A name that is no text cannot be told, and so is not read."""
    shown = name.encode("utf-8", "replace").decode()
    mode = MODES.get(stat.S_IFMT(about.st_mode), "special") if shown == name else "special"
    return Entry(str(below / shown), mode, f"{about.st_dev}:{about.st_ino}", about.st_size)


def subfolder(folder: int, name: str, path: PurePosixPath) -> Iterator[Entry]:
    if len(path.parts) > MAX_DEPTH:
        return
    try:
        deeper = os.open(name, FOLDER, dir_fd=folder)
    except OSError:
        return
    try:
        yield from walk(deeper, path)
    finally:
        os.close(deeper)


def contents(root: Path, path: PurePosixPath, files: Sequence[str], max_bytes: int) -> Iterator[bytes]:
    """The files' contents, in order; nothing for one that is gone, changed its kind or grew too large."""
    folder = open_folder(root, path)
    try:
        for file in files:
            yield content(folder, PurePosixPath(file), max_bytes)
    finally:
        os.close(folder)


def content(folder: int, file: PurePosixPath, max_bytes: int) -> bytes:
    try:
        descriptor = opened(folder, file, FILE)
    except (OSError, ValueError):
        return b""
    with os.fdopen(descriptor, "rb") as read:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        return read.read(max_bytes)
