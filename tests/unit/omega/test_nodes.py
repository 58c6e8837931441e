"""Where the servers of a cluster of one machine are."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import count
from pathlib import Path

from omega.embedded import Node, place_nodes, read_nodes, write_nodes


def free_but(taken: Collection[int] = ()) -> Callable[[int], bool]:
    return lambda port: port not in taken


def any_port() -> Callable[[], int]:
    numbers = count(50_000)
    return lambda: next(numbers)


def test_the_usual_ports_are_taken_one_after_the_other() -> None:
    nodes = place_nodes(3, 4222, (), is_free=free_but(), free=any_port())
    assert nodes == (Node(1, 4222, 6222, 8222), Node(2, 4223, 6223, 8223), Node(3, 4224, 6224, 8224))


def test_a_cluster_elsewhere_has_ports_of_its_own() -> None:
    one, other = (place_nodes(3, port, (), is_free=free_but(), free=any_port()) for port in (4222, 4322))
    assert not {port for node in one for port in node.ports} & {port for node in other for port in node.ports}


def test_a_port_that_somebody_holds_is_left_to_them() -> None:
    nodes = place_nodes(3, 4222, (), is_free=free_but({4223, 6222}), free=any_port())
    assert [node.port for node in nodes] == [4222, 50_001, 4224]
    assert nodes[0].route == 50_000


def test_a_node_comes_back_on_the_ports_it_had() -> None:
    kept = place_nodes(3, 4222, (), is_free=free_but({4223, 6222}), free=any_port())
    assert place_nodes(3, 4222, kept, is_free=free_but(), free=any_port()) == kept


def test_a_kept_port_that_somebody_took_meanwhile_is_given_up() -> None:
    kept = (Node(1, 4222, 6222, 8222), Node(2, 4223, 6223, 8223), Node(3, 4224, 6224, 8224))
    nodes = place_nodes(3, 4222, kept, is_free=free_but({6223}), free=any_port())
    assert [node.route for node in nodes] == [6222, 50_000, 6224]


def test_another_first_port_moves_only_the_first_server() -> None:
    kept = (Node(1, 4222, 6222, 8222), Node(2, 4223, 6223, 8223), Node(3, 4224, 6224, 8224))
    nodes = place_nodes(3, 9000, kept, is_free=free_but(), free=any_port())
    assert [node.port for node in nodes] == [9000, 4223, 4224]


def test_no_port_is_given_twice() -> None:
    numbers = iter([4222, 7000, 7000, *range(7001, 7010)])
    nodes = place_nodes(3, 4222, (), is_free=lambda _: False, free=lambda: next(numbers))
    ports = [port for node in nodes for port in node.ports]
    assert len(set(ports)) == len(ports)


def test_the_names_of_the_servers_do_not_depend_on_ports() -> None:
    nodes = place_nodes(5, 1000, (), is_free=lambda _: False, free=any_port())
    assert [node.name for node in nodes] == [f"omega-{number}" for number in range(1, 6)]


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    nodes = place_nodes(3, 4222, (), is_free=free_but(), free=any_port())
    write_nodes(tmp_path / "nodes.json", nodes)
    assert read_nodes(tmp_path / "nodes.json") == nodes


def test_a_file_of_somebody_else_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "nodes.json"
    assert read_nodes(path) == ()
    path.write_text('{"no": "nodes"}')
    assert read_nodes(path) == ()
