"""The few options of `curl` that the README uses, for machines that lack it: -s, -X, -H, -d (or `@file`), a URL."""

from __future__ import annotations

import argparse
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

TIMEOUT_S = 30


def main(words: Sequence[str]) -> None:
    """Make the request and write the answer's body, whatever its status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-X", dest="method", default="GET")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data")
    parser.add_argument("url")
    asked = parser.parse_args(words)
    headers = dict(header.split(": ", 1) for header in asked.headers)
    request = urllib.request.Request(asked.url, body(asked.data), headers, method=asked.method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            sys.stdout.write(answer.read().decode())
    except urllib.error.HTTPError as refusal:
        sys.stdout.write(refusal.read().decode())


def body(data: str | None) -> bytes | None:
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode()
    return Path(data[1:]).read_bytes()


if __name__ == "__main__":
    main(sys.argv[1:])
