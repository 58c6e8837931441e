"""What somebody may have meant."""

from __future__ import annotations

from directory.suggest import MAX_SUGGESTIONS, suggestions, unknown_member

KNOWN = ["code_analyzer_fastmcp", "data_validator_fastmcp", "image_service_fastmcp", "b2", "b1"]


def test_a_mistyped_id_is_answered_with_what_was_meant() -> None:
    error = unknown_member("image_servise_fastmcp", KNOWN)
    assert (error.code, error.http_status) == ("unknown_member", 404)
    assert error.details is not None
    assert error.details["did_you_mean"][0] == "image_service_fastmcp"
    assert "did you mean 'image_service_fastmcp'?" in error.message


def test_a_shortened_id_is_recognised() -> None:
    assert suggestions("code_analyzer", KNOWN)[:1] == ["code_analyzer_fastmcp"]


def test_nothing_alike_is_no_suggestion() -> None:
    error = unknown_member("zzz", KNOWN)
    assert (error.details, error.message) == ({"id": "zzz"}, "no member 'zzz' is registered")
    assert suggestions("anything", []) == []


def test_the_likest_comes_first() -> None:
    assert suggestions("bbbbb", ["abbbbc", "bbbbc"]) == ["bbbbc", "abbbbc"]


def test_at_most_three_are_named_and_equals_by_name() -> None:
    assert suggestions("b3", [*KNOWN, "b5", "b4", "b0"]) == []
    assert suggestions("bbb3", ["bbb5", "bbb4", "bbb0", "bbb1"]) == ["bbb0", "bbb1", "bbb4"][:MAX_SUGGESTIONS]
