"""Which fault comes when. Pure: the same seed and length give the same schedule, on every machine.

Two tracks run beside each other. On the first NATS nodes, directories, gateways and the network are hurt, one at a time
(a minority of the nodes, and never both of a pair); on the second, instances of the members.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is done."""

    KILL = "kill -9"
    FREEZE = "SIGSTOP"
    RESTART = "restart"
    CUT = "clients cut"
    SLOW = "slow clients"
    HALF_OPEN = "clients half-open"
    APART = "node cut off"
    SLOW_ROUTES = "slow routes"


class Part(StrEnum):
    """What it is done to."""

    NODE = "NATS node"
    LEADER = "NATS node, leader"
    """Whichever node leads the registry's stream at that moment."""
    DIRECTORY = "directory"
    GATEWAY = "gateway"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the schedule. Seconds."""

    number: int
    part: Part
    kind: Kind
    which: int
    """Number of the node or process, from 0."""
    pause: float
    """Calm before it, counted from the moment the last one of its track was healed and recovered."""
    lasts: float
    """How long it holds; for a killed process, how long until it is started again."""
    amount: float = 0.0
    """Delay of a slow network, each way."""

    @property
    def label(self) -> str:
        return f"{self.part}: {self.kind}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule: each track runs until the time is over, however far it comes."""

    seed: int
    seconds: float
    infrastructure: tuple[Fault, ...]
    members: tuple[Fault, ...]


PROCESSES = (Kind.KILL, Kind.FREEZE, Kind.RESTART)
NETWORK = (Kind.CUT, Kind.SLOW, Kind.HALF_OPEN, Kind.APART, Kind.SLOW_ROUTES)
INFRASTRUCTURE = tuple(
    [(part, kind) for part in (Part.NODE, Part.LEADER, Part.DIRECTORY, Part.GATEWAY) for kind in PROCESSES]
    + [(Part.NODE, kind) for kind in NETWORK]
    + [(Part.LEADER, kind) for kind in (Kind.APART, Kind.HALF_OPEN)]
)
NODES, PAIR, MEMBERS = 3, 2, 4
SHORTEST_ROUND_S = 8.0
"""No fault and its recovery take less; so a plan has always enough of them."""
SHORTEST_MEMBER_ROUND_S = 4.0


def make_plan(seed: int, seconds: float) -> Plan:
    """The schedule of a run of `seconds`."""
    infrastructure = random.Random(f"{seed}/infrastructure")
    members = random.Random(f"{seed}/members")
    return Plan(
        seed,
        seconds,
        tuple(_infrastructure(infrastructure, int(seconds / SHORTEST_ROUND_S) + 1)),
        tuple(_members(members, int(seconds / SHORTEST_MEMBER_ROUND_S) + 1)),
    )


def short_plan(seed: int) -> Plan:
    """One fault of each kind of process and network, in an order of the seed's, each as short as may be."""
    draw = random.Random(f"{seed}/short")
    wanted = [
        (Part.LEADER, Kind.KILL),
        (Part.NODE, Kind.FREEZE),
        (Part.NODE, Kind.APART),
        (Part.NODE, Kind.CUT),
        (Part.DIRECTORY, Kind.KILL),
        (Part.DIRECTORY, Kind.FREEZE),
        (Part.GATEWAY, Kind.KILL),
        (Part.NODE, Kind.SLOW),
    ]
    draw.shuffle(wanted)
    faults = [_fault(draw, number, part, kind, (0.5, 1.0), (1.5, 2.5)) for number, (part, kind) in enumerate(wanted)]
    members = list(_members(draw, 3, kinds=(Kind.KILL, Kind.FREEZE, Kind.RESTART)))
    return Plan(seed, 60.0, tuple(faults), tuple(members))


def _infrastructure(draw: random.Random, count: int) -> Iterator[Fault]:
    """Every kind once in an order of its own, and again."""
    kinds: list[tuple[Part, Kind]] = []
    for number in range(count):
        if not kinds:
            kinds = list(INFRASTRUCTURE)
            draw.shuffle(kinds)
        part, kind = kinds.pop()
        yield _fault(draw, number, part, kind, (4.0, 7.0), (2.0, 8.0))


def _fault(
    draw: random.Random, number: int, part: Part, kind: Kind, pause: tuple[float, float], lasts: tuple[float, float]
) -> Fault:
    which = draw.randrange(NODES if part in (Part.NODE, Part.LEADER) else PAIR)
    amount = round(draw.uniform(0.05, 0.2), 3) if kind in (Kind.SLOW, Kind.SLOW_ROUTES) else 0.0
    held = round(draw.uniform(*lasts), 1)
    if kind in (Kind.RESTART, Kind.CUT):
        held = 0.0
    return Fault(number, part, kind, which, round(draw.uniform(*pause), 1), held, amount)


def _members(draw: random.Random, count: int, kinds: tuple[Kind, ...] = (Kind.KILL, Kind.FREEZE)) -> Iterator[Fault]:
    """Killed and frozen in turns: each time it is measured how soon that was known."""
    for number in range(count):
        kind = kinds[number % len(kinds)]
        lasts = {Kind.KILL: draw.uniform(1.0, 2.5), Kind.FREEZE: draw.uniform(6.0, 8.0)}.get(kind, 0.0)
        pause = draw.uniform(1.0, 4.0)
        yield Fault(number, Part.MEMBER, kind, draw.randrange(MEMBERS), round(pause, 1), round(lasts, 1))
