"""The nodes of an embedded cluster: what each is called, and the ports each keeps from one start to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

CLUSTER_SIZES = (1, 3, 5)
"""Three bear the loss of one server, five of two. An even number bears no more than the odd one below it."""

ROUTES_ABOVE = 2_000
MONITORS_ABOVE = 4_000
"""How far above the port for clients the others are: 6222 and 8222 for 4222, and other ports for another cluster."""

Free = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Node:
    """One server of a cluster on this machine."""

    number: int
    port: int
    """Where clients connect."""
    route: int
    """Where the other servers connect."""
    monitor: int
    """Where it tells over HTTP how it is: `/healthz`, `/jsz`, `/varz`."""

    @property
    def name(self) -> str:
        """Its name in the cluster. Its data belong to this name: it must be the same at every start."""
        return f"omega-{self.number}"

    @property
    def process(self) -> str:
        """Its name among the processes of `omega up`."""
        return f"nats-{self.number}"

    @property
    def ports(self) -> tuple[int, int, int]:
        return (self.port, self.route, self.monitor)


_FORM = TypeAdapter(tuple[Node, ...])


def read_nodes(path: Path) -> tuple[Node, ...]:
    """The nodes of the last start; none when there was none, or the file says something else."""
    try:
        return _FORM.validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return ()


def write_nodes(path: Path, nodes: Sequence[Node]) -> None:
    """Keep them for the next start. Raises OSError."""
    path.write_bytes(_FORM.dump_json(tuple(nodes)))


def place_nodes(
    size: int, first_port: int, kept: Sequence[Node], *, is_free: Callable[[int], bool], free: Free
) -> tuple[Node, ...]:
    """`size` nodes, the first at `first_port` for clients.

    Every other port is the one kept from the last start, else the usual one, else what `free` gives. None twice.
    """
    used = {first_port}

    def port(wanted: int) -> int:
        chosen = wanted if wanted not in used and is_free(wanted) else _unused(free, used)
        used.add(chosen)
        return chosen

    known = {node.number: node for node in kept}
    return tuple(
        Node(number, first_port if number == 1 else port(wanted[0]), port(wanted[1]), port(wanted[2]))
        for number, wanted in _wanted(size, first_port, known)
    )


def _wanted(size: int, first_port: int, known: dict[int, Node]) -> Iterator[tuple[int, tuple[int, int, int]]]:
    for number in range(1, size + 1):
        port = first_port + number - 1
        usual = (port, port + ROUTES_ABOVE, port + MONITORS_ABOVE)
        yield number, known[number].ports if number in known else usual


def _unused(free: Free, used: set[int]) -> int:
    while (port := free()) in used:
        pass
    return port
