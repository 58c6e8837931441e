"""What tests ask of a federation on three servers, whoever of it has just been killed or restarted."""

from __future__ import annotations

from bus import Federation
from bus.errors import FederationError
from tests.support.federation import manifest
from tests.support.omega import Omega

CLUSTER = ("--cluster", "3", "--no-services", "--no-doors", "--member", "weather:member")
SERVERS = ("nats-1", "nats-2", "nats-3")
HEALS_WITHIN_S = 60.0
STORED_AGAIN_WITHIN_S = 20.0
"""A killed leader is replaced in four to nine seconds."""
SEEN_WITHIN_S = 10.0


def gateways(omega: Omega) -> list[str]:
    return [process["url"] for name, process in omega.processes.items() if name.startswith("gateway")]


async def stored(federation: Federation, id: str) -> bool:
    try:
        await federation.register(manifest(id))
    except FederationError:
        return False
    return True


async def known(federation: Federation) -> set[str]:
    """Every id that one replica knows."""
    ids: set[str] = set()
    for page in range(1, 50):
        reply = await federation.ask("servers", {"status": "any", "limit": 200, "page": page})
        ids |= {server["id"] for server in reply["servers"]}
        if not reply["servers"]:
            break
    return ids


async def answered(federation: Federation) -> bool:
    """A search and a call, both well."""
    try:
        found = await federation.search(tag="forecast")
        said = await federation.call("weather", "forecast", {"city": "Bern"})
    except FederationError:
        return False
    return [server["id"] for server in found] == ["weather"] and said["city"] == "Bern"


async def knows(federation: Federation, ids: set[str]) -> bool:
    """Whether a replica knows all of `ids`; another answers next time."""
    return ids <= await known(federation)
