"""The few words of the stock `nats` command that the README uses, for machines that lack it: same messages, same JSON.

`python -m tests.support.nats_command req|pub|kv get|micro ls …`; the server is `$NATS_URL`, the file of credentials
`$NATS_CREDS`, as for the real one.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeout

from bus.trust.credentials import read_credentials

GATHER_S = 0.5
"""How long answers to a question to everybody are collected."""


async def main(words: Sequence[str]) -> None:
    """Do what the words say. Raises ValueError for others."""
    connection = await nats.connect(os.environ["NATS_URL"], **proof(os.environ.get("NATS_CREDS")))
    try:
        await run(connection, [word for word in words if word != "--raw"])
    finally:
        await connection.drain()


def proof(path: str | None) -> dict[str, Any]:
    """What a `.creds` file proves, as nats-py takes it."""
    if not path:
        return {}
    held = read_credentials(Path(path))
    assert held.token is not None
    return {"user_jwt_cb": held.token.encode, "signature_cb": held.signature}


async def run(connection: Client, words: Sequence[str]) -> None:
    match words:
        case ["req", subject, body]:
            answer = await connection.request(subject, body.encode(), timeout=5)
            say(answer.data.decode())
        case ["pub", subject, body]:
            await connection.publish(subject, body.encode())
            say(f"Published {len(body.encode())} bytes to {subject!r}")
        case ["kv", "get", bucket, key]:
            store = await connection.jetstream().key_value(bucket)
            say(((await store.get(key)).value or b"").decode())
        case ["micro", "ls"]:
            for service in sorted(await everybody(connection)):
                say(" ".join(service))
        case _:
            raise ValueError(f"not one of the words this stands in for: {words}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


async def everybody(connection: Client) -> set[tuple[str, str, str]]:
    """Name, version and id of every service that answers in time."""
    inbox = connection.new_inbox()
    answers = await connection.subscribe(inbox)
    await connection.publish("$SRV.PING", b"", reply=inbox)
    found = set()
    try:
        while True:
            told = json.loads((await answers.next_msg(GATHER_S)).data)
            found.add((told["name"], told["version"], told["id"]))
    except NatsTimeout:
        return found


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
