"""The errors of the bus as a command names them."""

from __future__ import annotations

import pytest

from bus import BusSettings, errors
from bus.errors import FederationError
from omega.cli.errors import exit_code, naming_errors, one_line
from omega.handshake import Exit
from omega.trouble import Trouble, WrongUse

LEAVES = [kind for kind in errors.leaves().values() if not kind.__subclasses__()]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UnknownMember, Exit.NOT_FOUND),
        (errors.UnknownTool, Exit.NOT_FOUND),
        (errors.InvalidRequest, Exit.FAILED),
        (errors.InvalidArguments, Exit.FAILED),
        (errors.ToolError, Exit.FAILED),
        (errors.Conflict, Exit.FAILED),
        (errors.NoInstance, Exit.UNAVAILABLE),
        (errors.Busy, Exit.UNAVAILABLE),
        (errors.Disconnected, Exit.UNAVAILABLE),
        (errors.DirectoryAway, Exit.UNAVAILABLE),
        (errors.DeadlineExceeded, Exit.UNKNOWN),
        (errors.MemberLost, Exit.UNKNOWN),
        (errors.OutcomeUnknown, Exit.UNKNOWN),
        (errors.ToolCrashed, Exit.FAILED),
        (errors.Internal, Exit.FAILED),
    ],
)
def test_a_script_can_tell_kinds_of_failure_apart(kind: type[FederationError], code: Exit) -> None:
    assert exit_code(kind()) is code


@pytest.mark.parametrize("kind", LEAVES)
def test_no_error_is_ever_success(kind: type[FederationError]) -> None:
    assert exit_code(kind()) not in (Exit.OK, Exit.USAGE)


@pytest.mark.parametrize("kind", LEAVES)
def test_an_unknown_outcome_is_told_apart_from_a_failure(kind: type[FederationError]) -> None:
    assert (exit_code(kind()) is Exit.UNKNOWN) == issubclass(kind, errors.Unknown)


def test_an_error_is_one_line_with_its_code_and_what_may_help() -> None:
    assert one_line(errors.Disconnected("no NATS server answers")) == (
        "bus_unavailable: no NATS server answers (omega up starts a federation here, --nats URL names another)"
    )


def test_a_name_that_is_close_is_offered() -> None:
    error = errors.UnknownMember("no member 'wether'", details={"did_you_mean": ["weather"]})
    assert one_line(error) == "unknown_member: no member 'wether' (did you mean weather?)"


def test_a_name_is_not_offered_twice() -> None:
    error = errors.UnknownTool("no tool 'ad'; did you mean 'add'?", details={"did_you_mean": ["add"]})
    assert one_line(error).count("did you mean") == 1


def test_an_error_of_the_bus_becomes_trouble_with_its_body() -> None:
    with pytest.raises(Trouble) as caught, naming_errors():
        raise errors.UnknownMember("nobody", details={"id": "x"})
    assert caught.value.code is Exit.NOT_FOUND
    assert caught.value.body["error"]["details"] == {"id": "x"}


def test_settings_that_are_not_valid_are_wrong_use() -> None:
    with pytest.raises(WrongUse, match="prefix"), naming_errors():
        BusSettings(prefix="a.b")


def test_an_error_that_nobody_expected_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), naming_errors():
        _ = 1 / 0
