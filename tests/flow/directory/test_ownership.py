"""Who owns a member id, on a bus where everybody proves who it is, through a gateway, and by a key."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from bus import Bus, Federation, Instance
from bus.errors import Conflict, FederationError, NotAllowed, UnknownMember
from bus.kv import Bucket
from bus.message import Message
from bus.signing import Terms, sign_manifest
from bus.truststore import public_set
from directory import Directory, DirectorySettings
from tests.support.federation import QUICK, calculator, manifest, running_directory, running_member
from tests.support.identified import identified_server, settings_of
from tests.support.nats import NatsServer, until
from tests.support.signing import pair

WHO = Instance("my_service")
BODY = orjson.dumps(manifest())
KEY = pair()


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    folder = tmp_path / "nats"
    folder.mkdir()
    server = identified_server(folder, "my_service", "calculator")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def rules(tmp_path: Path) -> DirectorySettings:
    store = tmp_path / "trust.json"
    store.write_bytes(public_set([KEY.public]))
    return QUICK.model_copy(update={"trust_store": store})


@pytest.fixture
async def replicas(nats_server: NatsServer, rules: DirectorySettings) -> AsyncIterator[list[Directory]]:
    settings = settings_of(nats_server, "everything")
    async with running_directory(settings, rules) as one, running_directory(settings, rules) as two:
        yield [one, two]


@asynccontextmanager
async def connected(server: NatsServer, user: str, **more: Any) -> AsyncIterator[Federation]:
    bus = await Bus.connect(settings_of(server, user), name=user)
    try:
        yield Federation(bus, **more)
    finally:
        await bus.close()


@pytest.fixture
async def operator(nats_server: NatsServer, replicas: list[Directory]) -> AsyncIterator[Federation]:
    async with connected(nats_server, "everything") as federation:
        yield federation


@pytest.fixture
async def gateway(nats_server: NatsServer, replicas: list[Directory]) -> AsyncIterator[Federation]:
    async with connected(nats_server, "gateway", speaks_for_callers=True) as federation:
        yield federation


@pytest.fixture
async def member(nats_server: NatsServer, replicas: list[Directory]) -> AsyncIterator[Federation]:
    """Somebody with the credentials of `my_service`."""
    async with connected(nats_server, "my_service") as federation:
        yield federation


async def owner(operator: Federation, id: str = "my_service", **told: Any) -> Any:
    reply = await operator.bus.request("omega.directory-admin.owner", orjson.dumps({"id": id, **told}))
    return orjson.loads(reply.data)["owner"]


async def word(kind: type[FederationError], work: Any) -> str:
    with pytest.raises(kind) as caught:
        await work
    return str((caught.value.details or {})["reason"])


async def test_a_member_owns_its_id_by_its_credentials(member: Federation, operator: Federation) -> None:
    assert await owner(operator) is None
    await member.register(manifest())
    assert await owner(operator) == "bus:my_service"
    entry = await Bucket(operator.bus, "omega_owners").get("my_service")
    assert orjson.loads(entry.value or b"{}")["owner"] == "bus:my_service"


async def test_a_caller_of_a_gateway_owns_its_id_by_its_name(gateway: Federation, operator: Federation) -> None:
    await gateway.register_bytes(WHO, BODY, caller="alice")
    assert await owner(operator) == "http:alice"
    await gateway.register_bytes(WHO, BODY, caller="alice")
    await gateway.heartbeat("my_service", caller="alice")
    assert (await gateway.leave("my_service", caller="alice"))["status"] == "left"


async def test_nobody_in_particular_owns_nothing(gateway: Federation, operator: Federation) -> None:
    await gateway.register_bytes(WHO, BODY)
    assert await owner(operator) is None
    await gateway.heartbeat("my_service")
    await gateway.register_bytes(WHO, BODY, caller="alice")
    assert await owner(operator) == "http:alice"


@pytest.mark.parametrize("caller", ["bob", None])
async def test_nobody_else_registers_keeps_alive_or_withdraws(gateway: Federation, caller: str | None) -> None:
    await gateway.register_bytes(WHO, BODY, caller="alice")
    evil = orjson.dumps(manifest(version="6.6.6"))
    refusal, reason = (NotAllowed, "not_owner") if caller is None else (Conflict, "owned")
    assert await word(refusal, gateway.register_bytes(WHO, evil, caller=caller)) == reason
    assert await word(refusal, gateway.register_bytes(Instance("my_service", "two"), evil, caller=caller)) == reason
    for instance in ("default", None):
        assert await word(NotAllowed, gateway.leave("my_service", instance, caller=caller)) == "not_owner"
    assert await word(NotAllowed, gateway.heartbeat("my_service", caller=caller)) == "not_owner"
    assert (await gateway.server("my_service"))["version"] == "1.0.0"


async def test_an_owner_stays_the_owner_after_it_left(gateway: Federation, operator: Federation) -> None:
    await gateway.register_bytes(WHO, BODY, caller="alice")
    await gateway.leave("my_service", caller="alice")
    assert await word(Conflict, gateway.register_bytes(WHO, BODY, caller="bob")) == "owned"
    assert await owner(operator) == "http:alice"


async def test_bus_and_gateway_do_not_take_from_each_other(
    member: Federation, gateway: Federation, operator: Federation
) -> None:
    await member.register(manifest())
    for caller in ("alice", "my_service", "bus:my_service"):
        assert await word(Conflict, gateway.register_bytes(WHO, BODY, caller=caller)) == "owned"
    await owner(operator, owner="http:alice")
    assert await word(Conflict, member.register(manifest())) == "owned"
    assert await word(NotAllowed, member.leave("my_service")) == "not_owner"


async def test_a_name_that_somebody_gives_itself_on_the_bus_is_not_believed(
    member: Federation, gateway: Federation
) -> None:
    await gateway.register_bytes(WHO, BODY, caller="alice")
    with pytest.raises(Conflict):
        await member.bus.request("omega.register.my_service.default", BODY, headers={"Omega-Caller": "alice"})


async def test_a_heartbeat_of_another_is_ignored_and_told_of_once(
    replicas: list[Directory], member: Federation, gateway: Federation, operator: Federation
) -> None:
    await gateway.register_bytes(WHO, BODY, caller="alice")
    await until(lambda: all(one.index.registry.record(WHO) for one in replicas))
    await until(lambda: all(one.owners.of("my_service") for one in replicas))
    events: list[Message] = []
    operator.bus.listen("omega.event.rejected.my_service", events.append)
    await operator.bus.flush()
    heard = [one.pulse.heard for one in replicas]
    for _ in range(20):
        await member.heartbeat("my_service")
    await until(lambda: len(events) == len(replicas))
    told = orjson.loads(events[0].data)
    assert (told["caller"], told["code"], told["why"]) == ("bus:my_service", "not_allowed", "not_owner")
    assert [one.pulse.heard for one in replicas] == heard
    await operator.bus.flush()
    assert len(events) == len(replicas)


async def test_a_heartbeat_for_somebody_unknown_is_refused_at_the_gateway(gateway: Federation) -> None:
    with pytest.raises(UnknownMember):
        await gateway.heartbeat("nobody", caller="alice")


async def test_an_operator_gives_an_id_to_another(gateway: Federation, operator: Federation) -> None:
    events: list[Message] = []
    operator.bus.listen("omega.event.owner-changed.my_service", events.append)
    await gateway.register_bytes(WHO, BODY, caller="alice")
    assert await owner(operator, owner="http:bob") == "http:bob"
    assert await word(Conflict, gateway.register_bytes(WHO, BODY, caller="alice")) == "owned"
    await gateway.register_bytes(WHO, BODY, caller="bob")
    assert await owner(operator, owner=None) is None
    await gateway.register_bytes(WHO, BODY, caller="carol")
    await until(lambda: len(events) == 4)
    told = [(event.get("was"), event.get("owner")) for event in (orjson.loads(one.data) for one in events)]
    assert told == [
        (None, "http:alice"),
        ("http:alice", "http:bob"),
        ("http:bob", None),
        (None, "http:carol"),
    ]


async def test_every_replica_knows_an_owner_at_once(replicas: list[Directory], gateway: Federation) -> None:
    for number in range(10):
        who = Instance(f"m{number}")
        await gateway.register_bytes(who, orjson.dumps(manifest(who.member)), caller="alice")
        for _ in range(4):  # whichever replica answers
            assert await word(Conflict, gateway.register_bytes(who, b'{"name": "x"}', caller="bob")) == "owned"


async def test_of_two_that_come_first_one_is_the_owner(gateway: Federation, operator: Federation) -> None:
    callers = [f"caller{number}" for number in range(8)]
    work = (gateway.register_bytes(WHO, BODY, caller=caller) for caller in callers)
    results = await asyncio.gather(*work, return_exceptions=True)
    winners = [caller for caller, result in zip(callers, results, strict=True) if isinstance(result, dict)]
    assert [f"http:{winner}" for winner in winners] == [await owner(operator)]
    assert all(isinstance(result, dict | Conflict) for result in results)


async def test_asking_who_owns_a_known_id_costs_nothing(gateway: Federation, operator: Federation) -> None:
    for _ in range(8):  # whichever replica answers, it knows the owner by then
        await gateway.register_bytes(WHO, BODY, caller="alice")
    asked: list[Message] = []
    reads = ("$JS.API.STREAM.MSG.GET.KV_omega_owners", "$JS.API.DIRECT.GET.KV_omega_owners.>")
    for subject in ("$KV.omega_owners.>", *reads):
        operator.bus.listen(subject, asked.append)
    await operator.bus.flush()
    for number in range(10):
        await gateway.register_bytes(WHO, orjson.dumps(manifest(version=f"1.0.{number}")), caller="alice")
        await gateway.heartbeat("my_service", caller="alice")
    await gateway.leave("my_service", caller="alice")
    await operator.bus.flush()
    assert asked == []


async def test_an_adopter_stands_beside_the_owner(
    replicas: list[Directory], gateway: Federation, operator: Federation
) -> None:
    """On this bus only an adopter, and the member itself, can publish there."""
    await gateway.register_bytes(WHO, BODY, caller="alice")
    assert (await operator.register(manifest(), "adopted-x"))["status"] == "registered"
    assert await owner(operator) == "http:alice"
    heard = [one.pulse.heard for one in replicas]
    await operator.heartbeat("my_service", "adopted-x")
    await until(lambda: all(one.pulse.heard > before for one, before in zip(replicas, heard, strict=True)))
    assert (await operator.leave("my_service", "adopted-x"))["instances"] == ["adopted-x"]
    refused = gateway.register_bytes(Instance("my_service", "adopted-y"), BODY, caller="bob")
    assert await word(Conflict, refused) == "owned"


# keys --------------------------------------------------------------------------------------------------------------


def signed(epoch: int, at: float | None = None) -> bytes:
    terms = Terms(epoch, time.time() if at is None else at, 600)
    return orjson.dumps({"signed": sign_manifest(manifest(), KEY.key, terms)})


async def test_a_trusted_key_proves_ownership_whatever_the_way(
    gateway: Federation, member: Federation, operator: Federation
) -> None:
    await gateway.register_bytes(WHO, BODY, caller="mallory")  # came first, and has no key
    await member.register_bytes(WHO, signed(2**52))
    assert await owner(operator) == "bus:my_service"
    assert await word(NotAllowed, gateway.register_bytes(WHO, BODY, caller="mallory")) == "signature_required"
    assert await word(NotAllowed, gateway.leave("my_service", caller="mallory")) == "not_owner"


async def test_a_copy_of_a_signature_proves_nothing(
    member: Federation, gateway: Federation, operator: Federation
) -> None:
    body = signed(2**52)
    await member.register_bytes(WHO, body)
    assert (await gateway.register_bytes(WHO, body, caller="mallory"))["status"] == "unchanged"
    assert await owner(operator) == "bus:my_service"
    await member.leave("my_service")
    assert await word(Conflict, gateway.register_bytes(WHO, body, caller="mallory")) in ("replayed", "older_epoch")
    assert await owner(operator) == "bus:my_service"


async def test_a_key_alone_is_an_owner_too(gateway: Federation, operator: Federation) -> None:
    await gateway.register_bytes(WHO, signed(2**52))
    assert await owner(operator) == "key:k1"
    assert await word(NotAllowed, gateway.register_bytes(WHO, BODY)) in ("not_owner", "signature_required")
    assert await word(NotAllowed, gateway.leave("my_service", caller="mallory")) == "not_owner"
    await gateway.heartbeat("my_service")


# whole members -----------------------------------------------------------------------------------------------------


async def test_a_member_of_the_sdk_owns_its_id_and_lives(
    nats_server: NatsServer, operator: Federation, gateway: Federation
) -> None:
    async with running_member(calculator(), settings_of(nats_server, "calculator")):
        assert await owner(operator, "calculator") == "bus:calculator"
        assert await word(NotAllowed, gateway.leave("calculator")) == "not_owner"
        assert (await operator.server("calculator"))["status"] == "active"
    with pytest.raises(UnknownMember):
        await operator.server("calculator")


async def test_a_member_of_the_sdk_signs_by_itself(
    nats_server: NatsServer, operator: Federation, rules: DirectorySettings, tmp_path: Path
) -> None:
    key, other = tmp_path / "key.pem", pair(ids=("calculator",), kid="calc")
    key.write_bytes(other.key.key.as_pem(private=True))
    key.chmod(0o600)
    assert rules.trust_store is not None
    rules.trust_store.write_bytes(public_set([KEY.public, other.public]))
    mine = calculator(signing_key=key, signing_kid="calc", instance="one")
    async with running_member(mine, settings_of(nats_server, "calculator")):
        assert isinstance((await operator.server("calculator"))["signed"], str)
        assert await owner(operator, "calculator") == "bus:calculator"


async def test_owners_outlive_the_loss_of_the_storage(
    nats_server: NatsServer, replicas: list[Directory], gateway: Federation, operator: Federation, tmp_path: Path
) -> None:
    await gateway.register_bytes(WHO, BODY, caller="alice")
    await until(lambda: all(one.owners.of("my_service") for one in replicas))
    nats_server.kill()
    shutil.rmtree(tmp_path / "nats" / "store")
    nats_server.start()

    async def stored() -> bool:
        try:
            return bool(await owner(operator) == "http:alice" and (await _bucket(operator)).value)
        except FederationError:
            return False

    await until(stored, within=20)


async def _bucket(operator: Federation) -> Any:
    return await Bucket(operator.bus, "omega_owners").get("my_service")
