"""`python -m tests.fuzz [TARGET …] [--seconds 60]`: feed each target for so long. Needs `uv sync --group fuzz`."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import atheris  # type: ignore[import-untyped]  # its types are nowhere

with atheris.instrument_imports(include=["bus", "directory", "gateway", "members"]):
    from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"


def fuzz(name: str, seconds: int) -> None:
    """Feed one target; ends the process. A finding is written to its corpus and told."""
    known = CORPUS / name
    known.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", "-max_len=4096", "-rss_limit_mb=2048", "-timeout=5"]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={known}/", str(known)], TARGETS[name].feed)
    atheris.Fuzz()


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    reader.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    reader.add_argument("--seconds", type=int, default=60)
    asked = reader.parse_args()
    names = asked.targets or [*TARGETS]
    if unknown := [name for name in names if name not in TARGETS]:
        reader.error(f"no such target: {unknown[0]}; there are {', '.join(TARGETS)}")
    if len(names) == 1:
        fuzz(names[0], asked.seconds)
    failed = []
    for name in names:  # each in a process of its own: the fuzzer ends the one it runs in
        command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(asked.seconds)]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    sys.stdout.write(f"{len(names)} targets, findings in: {', '.join(failed) or 'none'}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
