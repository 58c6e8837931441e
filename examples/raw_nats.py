"""A member and its client with nothing but a NATS client and JSON: register, heartbeat, search, call, leave.

python examples/raw_nats.py [NATS_URL]

A bus that asks who is there wants a file of credentials: `$NATS_CREDS`, as for the stock `nats` command. (To read it
the client needs one more package: pip install 'nats-py[nkeys]'.)

Nothing of this project is imported, so the same few messages make a member in any language that has a NATS client.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

MEMBER, INSTANCE = "raw_greeter", "one"
ME = f"{MEMBER}.{INSTANCE}"
MANIFEST = {
    "id": MEMBER,
    "name": "Raw Greeter",
    "description": "Greets people over plain NATS",
    "version": "1.0.0",
    "capabilities": ["greeting"],
    "tags": ["raw", "example"],
    "heartbeat_interval_s": 10,
    "tools": [{"name": "greet", "inputSchema": {"type": "object", "properties": {"name": {"type": "string"}}}}],
}


async def ask(connection: Client, subject: str, body: Any) -> Any:
    """One request, one JSON answer. Raises RuntimeError with the words of an error answer."""
    answer = await connection.request(subject, json.dumps(body).encode(), timeout=5)
    value = json.loads(answer.data)
    if "Nats-Service-Error-Code" in (answer.headers or {}):
        raise RuntimeError(f"{value['error']['code']}: {value['error']['message']}")
    return value


# the member -----------------------------------------------------------------------------------------------------------


async def serve(connection: Client) -> None:
    """Listen before anybody can know of it: to calls, to "are you there", to "who are you"."""

    async def greet(call: Msg) -> None:
        name = json.loads(call.data or b"{}").get("name")
        if isinstance(name, str):
            await call.respond(json.dumps({"greeting": f"Hello, {name}!"}).encode())
        else:
            await refuse(connection, call, "invalid_arguments", "name: a string is needed")

    async def here(probe: Msg) -> None:
        await probe.respond(b"{}")

    async def announce_again(_: Msg) -> None:
        await register(connection)

    await connection.subscribe(f"omega.call.{MEMBER}.greet", queue=MEMBER, cb=greet)
    await connection.subscribe(f"omega.ping.{ME}", cb=here)
    await connection.subscribe(f"omega.resync.{ME}", cb=announce_again)
    await connection.flush()


async def refuse(connection: Client, call: Msg, code: str, message: str) -> None:
    """An error answer: two headers that every NATS tool knows, and the federation's one shape of an error."""
    body = {"error": {"code": code, "message": message, "retryable": False}}
    headers = {"Nats-Service-Error": message, "Nats-Service-Error-Code": "400"}
    await connection.publish(call.reply, json.dumps(body).encode(), headers=headers)


async def register(connection: Client) -> dict[str, Any]:
    """Answered when the registry has stored it."""
    confirmed: dict[str, Any] = await ask(connection, f"omega.register.{ME}", MANIFEST)
    return confirmed


async def heartbeat(connection: Client, confirmed: dict[str, Any]) -> None:
    """A plain publish that nobody answers; the digest lets a directory notice that it holds another manifest."""
    beat = {"epoch": confirmed["epoch"], "digest": confirmed["digest"], "load": 0.1, "in_flight": 1, "limit": 10}
    await connection.publish(f"omega.heartbeat.{ME}", json.dumps(beat).encode())


async def heard(connection: Client) -> dict[str, Any]:
    """The member as the directory shows it once the heartbeat arrived: they are taken in ten times a second."""
    while True:
        found: dict[str, Any] = await ask(connection, "omega.directory.server", {"id": MEMBER})
        if found["instances"][0]["in_flight"]:
            return found
        await asyncio.sleep(0.05)


# the walk -------------------------------------------------------------------------------------------------------------


async def main(url: str) -> None:
    """Everything once, told line by line."""
    async with asyncio.timeout(5):
        connection = await nats.connect(url, error_cb=quiet, user_credentials=os.environ.get("NATS_CREDS"))
    try:
        await serve(connection)
        await stay_a_while(connection)
        left = await ask(connection, f"omega.leave.{ME}", {})
        print(f"leave      {left['status']}: {', '.join(left['instances'])}")
        await show_that_it_is_gone(connection)
    finally:
        await connection.drain()


async def quiet(_: Exception) -> None:
    """What goes wrong in between; by itself the client would print a traceback for each attempt to connect."""


async def stay_a_while(connection: Client) -> None:
    """Register, beat, be found, be called."""
    confirmed = await register(connection)
    print(f"register   {confirmed['status']}, revision {confirmed['revision']}")

    await heartbeat(connection, confirmed)
    found = await heard(connection)
    print(f"heartbeat  heard: {found['instances'][0]['in_flight']} of {found['instances'][0]['limit']} slots in use")

    found = await ask(connection, "omega.directory.search", {"tag": "raw", "capability": "greeting"})
    print(f"search     {[server['id'] for server in found['servers']]}")

    print(f"call       {await ask(connection, f'omega.call.{MEMBER}.greet', {'name': 'Ada'})}")
    try:
        await ask(connection, f"omega.call.{MEMBER}.greet", {"name": 7})
    except RuntimeError as refusal:
        print(f"call       refused, {refusal}")


async def show_that_it_is_gone(connection: Client) -> None:
    """Not found any more; and a call to a member that nobody serves fails at once."""
    found = await ask(connection, "omega.directory.search", {"tag": "raw"})
    print(f"search     {[server['id'] for server in found['servers']]}")
    try:
        await ask(connection, "omega.call.nobody_at_all.greet", {})
    except NoRespondersError:
        print("call       nobody listens, said at once")


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("OMEGA_NATS_URL", "nats://127.0.0.1:4222")
    try:
        asyncio.run(main(given))
    except (NatsError, OSError, TimeoutError) as error:
        sys.exit(f"{given}: {str(error) or 'no answer'}")
