"""The streams of the federation: registry, owners, trail, sessions, API keys. Made at start-up, then checked.

No stream may match a subject that carries requests: its acknowledgement would become the reply, and "nobody listens"
would be hidden. `prepare` refuses to go on where one does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import orjson

from bus.connection import Bus
from bus.errors import DeadlineExceeded, Internal, NoInstance, OutcomeUnknown, StorageAway
from bus.settings import BusSettings
from bus.subjects import Subjects

TOMBSTONE_TTL_S = 3_600
EVENTS_KEPT_S = 7 * 86_400
_NS = 1_000_000_000


def registry_stream(settings: BusSettings, subjects: Subjects) -> dict[str, Any]:
    """The KV bucket of the registry, as JetStream wants it described."""
    return _bucket(settings, settings.bucket, subjects.change(), "registry") | {
        "discard": "new",
        "max_bytes": 1 << 30,
        "max_msg_size": 768 * 1024,  # a manifest, and once more inside its signature
        "allow_rollup_hdrs": True,
        "deny_delete": True,
        "allow_msg_ttl": True,
        "subject_delete_marker_ttl": TOMBSTONE_TTL_S * _NS,
        "duplicate_window": 120 * _NS,
    }


def owners_stream(settings: BusSettings, subjects: Subjects) -> dict[str, Any]:
    """The KV bucket of who owns which member id. Nothing in it ends by itself."""
    return _bucket(settings, settings.owners_bucket, subjects.owner_change(), "owners") | {
        "discard": "new",
        "max_bytes": 256 << 20,
        "max_msg_size": 4 * 1024,
        "deny_delete": True,
    }


def sessions_stream(settings: BusSettings, subjects: Subjects) -> dict[str, Any]:
    """The KV bucket of what changed in client sessions. Each entry goes with its session."""
    return _bucket(settings, settings.sessions_bucket, subjects.session(), "sessions") | {
        "discard": "old",
        "max_bytes": 256 << 20,
        "max_msg_size": 1 << 20,
        "allow_msg_ttl": True,
    }


def tokens_stream(settings: BusSettings, subjects: Subjects) -> dict[str, Any]:
    """The KV bucket of the API keys that gateways let in, each under its hash."""
    return _bucket(settings, settings.tokens_bucket, subjects.token_change(), "tokens") | {
        "discard": "new",
        "max_bytes": 64 << 20,
        "max_msg_size": 64 * 1024,
        "allow_msg_ttl": True,
    }


def _bucket(settings: BusSettings, name: str, repeated: str, kind: str) -> dict[str, Any]:
    """What every KV bucket of ours has; its writes are repeated below `repeated`."""
    source = f"$KV.{name}.>"
    return {
        "name": f"KV_{name}",
        "subjects": [source],
        "storage": "file",
        "num_replicas": settings.replicas,
        # One value a key: with a history, a TTL on an update would bring the older value back.
        "max_msgs_per_subject": 1,
        "allow_direct": True,
        # Every committed write is repeated as a plain message: any number of readers costs no consumer.
        "republish": {"src": source, "dest": repeated},
        "metadata": {"omega": kind},
    }


def events_stream(settings: BusSettings, subjects: Subjects) -> dict[str, Any]:
    """The stream that captures the audit trail."""
    return {
        "name": settings.events_stream,
        # Events brought back from a backup are stored as events and heard by nobody who listens for new ones.
        "subjects": [subjects.events(), subjects.restored(">")],
        "subject_transform": {"src": subjects.restored(">"), "dest": subjects.events()},
        "storage": "file",
        "num_replicas": settings.replicas,
        "max_age": EVENTS_KEPT_S * _NS,
        "max_bytes": 1 << 30,
        "discard": "old",
        "deny_delete": True,
        "deny_purge": True,
        "allow_direct": True,
        "metadata": {"omega": "events"},
    }


NOT_FOUND = 10059
NO_PEERS = 10005
"""Too few servers of the cluster are there, or known to be."""
LOOKS_IN_A_CLUSTER = 4
LOOK_PAUSE_S = 0.25


async def prepare(bus: Bus) -> None:
    """Make the streams where they are missing, and refuse a system where another stream catches requests.

    Raises StorageAway (JetStream is off, or not ready), Internal (a stream matches a request subject).
    """
    for described in (registry_stream, owners_stream, events_stream, sessions_stream, tokens_stream):
        await _ensure(bus, described(bus.settings, bus.subjects), first=time.time_ns() // 1_000)
    for subject in bus.subjects.requests():
        await _refuse_overlap(bus, subject)


async def _ensure(bus: Bus, wanted: dict[str, Any], *, first: int, attempts: int = 10) -> None:
    """`first` is the first sequence of a stream that is made now.

    Counting on from the time it is made, a stream that was lost never gives a number twice: no compare-and-swap on
    what was known of the old one can hit the new one.

    A cluster that is choosing its leader may not know a stream that it has, and making it anew would empty it: there,
    it has to be unknown several times in a row.
    """
    looks = LOOKS_IN_A_CLUSTER if wanted["num_replicas"] > 1 else 1
    name, missing = wanted["name"], 0
    for attempt in range(attempts):
        problem, missing = await _brought_about(bus, wanted | {"first_seq": first}, missing, looks)
        if problem is None:
            return
        if not passes(problem) or attempt == attempts - 1:
            raise StorageAway(f"stream {name}: {problem.get('description')}")
        await asyncio.sleep(LOOK_PAUSE_S)


def passes(problem: Mapping[str, Any]) -> bool:
    """Whether what JetStream said may be over a moment later."""
    return int(problem.get("code", 500)) in (404, 503) or problem.get("err_code") == NO_PEERS


async def _brought_about(
    bus: Bus, wanted: dict[str, Any], missing: int, looks: int
) -> tuple[dict[str, Any] | None, int]:
    """What is in the way of the stream being as `wanted`, and how often in a row it was unknown."""
    name = wanted["name"]
    found = await _api(bus, f"$JS.API.STREAM.INFO.{name}", {})
    problem = found.get("error")
    if problem is None:
        kept = {key: value for key, value in wanted.items() if key != "first_seq"}
        if is_as_wanted(found["config"], kept):
            return None, 0
        return (await _api(bus, f"$JS.API.STREAM.UPDATE.{name}", kept)).get("error"), 0
    if problem.get("err_code") != NOT_FOUND:
        return problem, 0
    if missing + 1 < looks:
        return problem, missing + 1
    return (await _api(bus, f"$JS.API.STREAM.CREATE.{name}", wanted)).get("error"), missing + 1


def is_as_wanted(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a stream's configuration says what we want of it; the server adds words of its own."""
    for key, value in wanted.items():
        there = held.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            if not is_as_wanted(there, value):
                return False
        elif (there or None) != (value or None):
            return False
    return True


async def _refuse_overlap(bus: Bus, subject: str) -> None:
    answer = await _api(bus, "$JS.API.STREAM.NAMES", {"subject": subject})
    names = answer.get("streams") or []
    if names:
        raise Internal(
            f"the stream {names[0]!r} catches {subject}: its acknowledgements would pass for answers",
            details={"streams": names, "subject": subject},
        )


async def _api(bus: Bus, subject: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        reply = await bus.request(subject, orjson.dumps(body), timeout=5)
    except NoInstance as exc:
        raise StorageAway("JetStream is not enabled on this NATS server") from exc
    except (DeadlineExceeded, OutcomeUnknown) as exc:
        raise StorageAway("JetStream does not answer") from exc
    answer: dict[str, Any] = orjson.loads(reply.data)
    return answer
