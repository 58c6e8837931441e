"""Refusals cross the pipe unchanged and leave as the federation's errors."""

from __future__ import annotations

import json

import pytest

from bus.errors import Busy, InvalidArguments, NotAllowed, TooLarge, ToolError
from members.sandbox import refusals
from members.sandbox.leaves import federation_errors, leaf


@pytest.mark.parametrize("kind", refusals.KINDS.values())
def test_a_refusal_survives_the_pipe(kind: type[refusals.Refusal]) -> None:
    sent = kind("no, thank you", field="x", limit=3)
    received = refusals.from_data(json.loads(json.dumps(refusals.as_data(sent))))
    assert type(received) is kind
    assert (received.message, received.details) == (sent.message, sent.details)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (refusals.Invalid, InvalidArguments),
        (refusals.Forbidden, NotAllowed),
        (refusals.TooLarge, TooLarge),
        (refusals.Failed, ToolError),
        (refusals.Occupied, Busy),
    ],
)
def test_each_kind_has_its_leaf(kind: type[refusals.Refusal], expected: type[Exception]) -> None:
    error = leaf(kind("words", reason="why"))
    assert type(error) is expected
    assert error.message == "words"
    assert error.details == {"reason": "why"}


def test_inside_the_block_refusals_turn_into_leaves_without_their_history() -> None:
    with pytest.raises(ToolError) as caught, federation_errors():
        raise refusals.Failed("it broke")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
