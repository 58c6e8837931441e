"""What people are told about a port they cannot have."""

from __future__ import annotations

from omega.ports import Holder, Taken, Wanted

GATEWAY = Wanted("127.0.0.1", 9405, "gateway", "--port PORT")


def test_a_taken_port_names_its_holder_and_the_way_out() -> None:
    taken = Taken(GATEWAY, Holder(812, "python3 -m http.server 9405", "alice"))
    assert taken.text == (
        "port 9405 (gateway) is taken by pid 812 of alice: python3 -m http.server 9405; choose another: --port PORT"
    )


def test_a_long_command_is_cut() -> None:
    text = Taken(GATEWAY, Holder(812, "x" * 500)).text
    assert len(text) < 160
    assert "…; choose another: --port PORT" in text


def test_a_holder_without_a_command_is_named_by_its_pid() -> None:
    assert "is taken by pid 812;" in Taken(GATEWAY, Holder(812, "")).text


def test_a_holder_that_may_not_be_seen_comes_with_the_command_that_may() -> None:
    text = Taken(GATEWAY, None).text
    assert "may not see" in text
    assert "sudo ss -ltnp 'sport = :9405'" in text


def test_a_forbidden_port_is_not_called_taken() -> None:
    text = Taken(Wanted("127.0.0.1", 80, "gateway", "--port PORT"), None, forbidden=True).text
    assert "taken" not in text
    assert "not allowed for this user; choose another: --port PORT" in text
