"""The only command lines of git that are ever run, and what git's complaints mean.

The configuration on the command line is the whole configuration: no system, user or environment file is read, no
hook, helper, proxy, alias or template exists, no protocol but the one of the URL may be spoken, redirects are not
followed, and the host's name is answered by the addresses that were checked, not by DNS again.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from members.code_analyzer.address import Address
from members.sandbox.refusals import Failed, Refusal, TooLarge

SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.symlinks=false",
    "core.fsmonitor=false",
    "core.bigFileThreshold=16m",  # larger blobs are streamed, not held in memory
    "credential.helper=",
    "fetch.fsckObjects=true",
    "fetch.fsck.zeroPaddedFilemode=ignore",  # three faults of old tools, harmless and common in honest histories
    "fetch.fsck.badTimezone=ignore",
    "fetch.fsck.missingSpaceBeforeDate=ignore",
    "fetch.unpackLimit=1",  # one pack file, whose size can be limited, instead of thousands of objects
    "gc.auto=0",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1000",
    "http.proxy=",
    "maintenance.auto=false",
    "pack.threads=1",
    "protocol.allow=never",
    "transfer.bundleURI=false",
)

COMPLAINTS: Sequence[tuple[str, str, str]] = (
    (r"error: 30\d|redirect", "redirected", "the server answers with a redirect; give the final URL"),
    (r"could not read Username|Authentication failed|error: 40[13]", "not_public",
     "the repository does not exist or is not public; no credentials are sent"),
    (r"not valid: is this a git repository|dumb http transport", "not_a_repository",
     "there is no git repository that can be fetched over smart HTTP at this URL"),
    (r"not our ref|no such remote ref|couldn't find remote ref|unadvertised object", "unknown_ref",
     "there is no such commit at this URL, or the server does not give it by its id"),
    (r"not found|error: 4(04|10)", "not_found", "there is no repository at this URL"),
    (r"certificate|SSL|TLS", "bad_certificate", "the server's certificate is not trusted"),
    (r"too slow", "too_slow", "the server sends too slowly"),
    (r"Failed to connect|Couldn't connect|refused|timed out|No route|unreachable|resolve host", "unreachable",
     "the server cannot be reached"),
    (r"error: 5\d\d", "server_error", "the server answers with an error of its own"),
    (r"fsck|bad object|corrupt|invalid|early EOF|index-pack|unexpected disconnect|RPC failed|protocol error|bad band",
     "broken_repository", "the server sent no sound repository"),
)  # fmt: skip

BRANCH = "analysis"
LEAST_PATIENCE_S = 10
SHA256_DIGITS = 64

TOO_MUCH = re.compile(
    r"File (size limit|too large)|signal 25|out of memory|malloc|mmap failed|cannot allocate|oom", re.IGNORECASE
)
SIGXFSZ_STATUS = {-25, 25 + 128}


def program() -> str:
    """The absolute path of git."""
    return shutil.which("git") or "git"


def environment(scheme: str = "none") -> dict[str, str]:
    """Everything git may know about its surroundings; `scheme` is the one protocol it may speak."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/true",
        "GIT_ALLOW_PROTOCOL": scheme,
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def resolve_command(
    address: Address, dial: Sequence[str], names: Sequence[str], *, ca_file: Path | None = None, time_s: float = 60
) -> list[str]:
    """Ask which commits these names stand for, and fetch nothing. It may take `time_s`."""
    settings = reaching(address, dial, ca_file, time_s)
    return [program(), *configured(settings), "ls-remote", "--quiet", "--", address.url, *names]


def init_command(folder: Path, commit: str) -> list[str]:
    """An empty bare repository for commits whose ids are of this length."""
    form = "sha256" if len(commit) == SHA256_DIGITS else "sha1"
    options = ["--quiet", "--bare", "--template=", f"--object-format={form}", f"--initial-branch={BRANCH}"]
    return [program(), *configured(SETTINGS), "init", *options, "--", str(folder)]


def fetch_command(
    address: Address,
    dial: Sequence[str],
    folder: Path,
    commit: str,
    *,
    ca_file: Path | None = None,
    past: int = 0,
    time_s: float = 60,
) -> list[str]:
    """Fetch one commit, and nothing is checked out. With `past`, that many commits and no contents of files. It may
    take `time_s`."""
    amount = [f"--depth={past}", "--filter=blob:none"] if past else ["--depth=1"]
    options = ["--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-maintenance"]
    settings = reaching(address, dial, ca_file, time_s)
    wanted = f"+{commit}:refs/heads/{BRANCH}"
    return [program(), "-C", str(folder), *configured(settings), "fetch", *options, *amount, "--", address.url, wanted]


def reaching(address: Address, dial: Sequence[str], ca_file: Path | None, time_s: float) -> list[str]:
    """The settings with which one server is reached."""
    patient = f"http.lowSpeedTime={patience_s(time_s)}"
    settings = [*SETTINGS, patient, f"protocol.{address.scheme}.allow=always", *pin(address, dial)]
    return settings if ca_file is None else [*settings, f"http.sslCAInfo={ca_file}"]


def patience_s(time_s: float) -> int:
    """How long a server may send next to nothing before it counts as dead: half of the whole time, because an honest
    one is as silent while it counts and packs a large repository."""
    return max(LEAST_PATIENCE_S, int(time_s / 2))


def log_command(folder: Path) -> list[str]:
    """The files that each commit touched: a line of the byte 1 and the commit's parents, then a line for each file."""
    options = ["--name-only", "--no-renames", "--no-merges", "--format=%x01%P", "--no-show-signature", "--no-mailmap"]
    settings = [*SETTINGS, "core.quotePath=false", "log.showRoot=true"]
    return [program(), "-C", str(folder), *configured(settings), "log", *options, BRANCH, "--"]


def pin(address: Address, dial: Sequence[str]) -> list[str]:
    """The host's name means these addresses and no others. A host that is an address means itself."""
    if address.host in dial:
        return []
    literals = ",".join(f"[{text}]" if ":" in text else text for text in dial)
    return [f"http.curloptResolve={address.host}:{address.port}:{literals}"]


def can_pin(version: str) -> bool:
    """Does the git that calls itself this know `http.curloptResolve`? Older ones would ask DNS a second time."""
    figures = re.search(r"(\d+)\.(\d+)", version)
    return figures is not None and (int(figures[1]), int(figures[2])) >= (2, 37)


def list_command(folder: Path) -> list[str]:
    """Everything in the commit: mode, type, object id, size and path, NUL between entries."""
    return [program(), "-C", str(folder), *configured(SETTINGS), "ls-tree", "-r", "-z", "-l", "--full-tree", BRANCH]


def blobs_command(folder: Path) -> list[str]:
    """Object ids in, contents out."""
    return [program(), "-C", str(folder), *configured(SETTINGS), "cat-file", "--batch", "--buffer"]


def configured(settings: Sequence[str]) -> list[str]:
    return [part for setting in settings for part in ("-c", setting)]


def complaint(said: str, status: int, limits: Mapping[str, int]) -> Refusal:
    """What a failed clone means to the caller. Git's own words stay here: a server can write into them."""
    if status in SIGXFSZ_STATUS or TOO_MUCH.search(said):
        return TooLarge(f"the repository takes more than {limits['max_clone_bytes']} bytes", **limits)
    for pattern, reason, message in COMPLAINTS:
        if re.search(pattern, said, re.IGNORECASE):
            return Failed(message, reason=reason)
    return Failed("the repository could not be cloned", reason="clone_failed")
