"""`backup` and `restore`: registry, owners of ids and audit trail, to a file and back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import IO, Annotated, Any

from cyclopts import Parameter

from bus import BusSettings
from bus.trail import rfc3339
from omega.archive import back_up
from omega.archive import restore as bring_back
from omega.archive.lines import Header
from omega.archive.merge import Verdict
from omega.archive.restore import Restored
from omega.cli.commands import DISTRIBUTION
from omega.cli.options import Json
from omega.cli.output import show, show_json
from omega.cli.reach import Reach
from omega.cli.words import shown
from omega.trouble import WrongUse

SUFFIX = ".jsonl.gz"
_DEFAULT_REACH = Reach()
_SHOWN = 10


async def backup(
    file: Path,
    /,
    *,
    replace: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
    reach: Reach = _DEFAULT_REACH,
) -> None:
    """Write registry, owners and audit trail of the running federation to a file.

    The file is gzip over lines of JSON, the first of which tells what is in it. It may hold what members say in
    confidence: only its owner can read it. Nothing is there until the backup is complete.

    Parameters
    ----------
    file
        Where to; in a directory it gets a name that tells the time.
    replace
        Write over a file that is there.
    """
    async with reach.federation() as federation:
        bus = federation.bus
        moment = time.time()
        path = _place(file, bus.settings, moment)
        header = await back_up(bus, path, made_at=rfc3339(moment), version=version(DISTRIBUTION), replace=replace)
    if json:
        show_json({"file": str(path), **header.model_dump()})
    else:
        show(shown(f"{path}: {_content(header)}"))


async def restore(
    file: Path,
    /,
    *,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
    reach: Reach = _DEFAULT_REACH,
) -> None:
    """Bring registry, owners and audit trail back from a backup.

    The whole file is checked before anything is written. Owners come first: nobody can claim an id in between. What
    the registry holds that is newer is kept, and so is an owner that is there. Events come back only into an empty
    trail. It can be done again after an interruption.

    Parameters
    ----------
    file
        The backup; of a directory, the newest in it.
    dry_run
        Write nothing; tell what would be done.
    """
    path, opened = _open(file)
    with opened:
        async with reach.federation() as federation:
            done = await bring_back(federation.bus, opened, time.time, dry_run=dry_run)
    if json:
        show_json({"file": str(path), **_as_object(done)})
    else:
        for line in told(path, done):
            show(shown(line))


def told(path: Path, done: Restored) -> Sequence[str]:
    """What became of a backup, for people."""
    would = "would be " if done.dry_run else ""
    lines = [f"{path}, made {done.header.made_at}: {_content(done.header)}"]
    if done.header.owners is None:
        lines.append("owners: none in a backup this old; of an id that has none, the first to come owns it")
    else:
        lines.append(f"owners {would}restored: {done.owners[Verdict.RESTORED]}")
        lines += _left_alone("owners", done.owners, _OF_OWNERS, done.owners_kept)
    lines.append(f"records {would}restored: {done.records[Verdict.RESTORED]}")
    lines += _left_alone("records", done.records, _OF_RECORDS, done.kept)
    lines.append(f"events {would}restored: {done.events}")
    if done.events_skipped:
        lines.append(f"events left out, the trail holds events of its own: {done.events_skipped}")
    return lines


_OF_OWNERS = {
    Verdict.SAME: "the id has this owner",
    Verdict.OTHER_OWNER: "the id has another owner",
    Verdict.NEWER_THERE: "the id was released since",
}
_OF_RECORDS = {
    Verdict.SAME: "the registry holds the same",
    Verdict.FORGOTTEN: "their time ran out",
    Verdict.OTHER_OWNER: "their id has another owner or was released",
    Verdict.NEWER_THERE: "the registry holds newer",
}


def _left_alone(what: str, found: Counter[Verdict], why: dict[Verdict, str], kept: Sequence[str]) -> Sequence[str]:
    lines = [f"{what} left alone, {words}: {found[verdict]}" for verdict, words in why.items() if found[verdict]]
    return [*lines, *(f"  {key}" for key in kept[:_SHOWN]), *(["  …"] if len(kept) > _SHOWN else [])]


def _as_object(done: Restored) -> dict[str, Any]:
    return {
        "made_at": done.header.made_at,
        "dry_run": done.dry_run,
        "owners": _counts(done.owners, _OF_OWNERS),
        "owners_kept": done.owners_kept,
        "records": _counts(done.records, _OF_RECORDS),
        "newer_there": done.kept,
        "events": {"restored": done.events, "skipped": done.events_skipped},
    }


def _counts(found: Counter[Verdict], others: Iterable[Verdict]) -> dict[str, int]:
    return {verdict.value: found[verdict] for verdict in (Verdict.RESTORED, *others)}


def _content(header: Header) -> str:
    owners = f"{header.owners.lines} owners, " if header.owners else ""
    return f"{header.registry.lines} records, {owners}{header.events.lines} events"


def _place(file: Path, settings: BusSettings, moment: float) -> Path:
    """Where a backup goes: `file`, or a name that tells the time where that is a directory."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
    return file / f"omega-backup-{settings.prefix}-{stamp}{SUFFIX}" if file.is_dir() else file


def _open(file: Path) -> tuple[Path, IO[bytes]]:
    """The backup `file`, or the newest by name where that is a directory. Raises WrongUse."""
    found = sorted(file.glob(f"omega-backup-*{SUFFIX}"), key=lambda path: path.name.rpartition("-")[2])
    if not found and file.is_dir():
        raise WrongUse(f"{file}: no omega-backup-…{SUFFIX} in it")
    path = found[-1] if found else file
    try:
        return path, path.open("rb")
    except OSError as exc:
        raise WrongUse(f"{path}: {exc.strerror}") from exc
