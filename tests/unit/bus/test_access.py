"""Scopes say exactly what is written in them, and nothing that is nearly written in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.access import EVERY_SCOPE, LOCAL, MAX_SCOPES, By, Principal, Right, Scope, Scopes, Via
from bus.errors import InvalidRequest

TAGGED = {"id": "weather_eu", "tags": ["weather", "machine learning"]}


def holder(scopes: str) -> Principal:
    return Principal("alice", Scopes.parse(scopes), Via.API_KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "all",
        "CALL",
        "call ",
        "call:",
        "call:member",
        "call:member=",
        "call:member=a.b",
        "call:member=a/b",
        "call:member=*a",
        "call:member=a**",
        "call:member=" + "x" * 65,
        "call:member=" + "x" * 64 + "*",
        "call:prefix=a",
        "call:tool=a",
        "call:tool=a/",
        "call:tool=/b",
        "call:tool=a/" + "x" * 129,
        "call:tag=",
        "call:tag=a%00b",
        "call:tag=a%0Ab",
        "register:tag=a",
        "register:prefix=",
        "register:prefix=a*",
        "register:prefix=a.b",
        "discover:tool=a/b",
        "discover:prefix=a",
        "observe:member=a",
        "admin:member=a",
        "call:member=\u0430",
        "call:" + "member=" * 100,
    ],
)
def test_what_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="scope"):
        Scope.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "discover",
        "call",
        "register",
        "observe",
        "admin",
        "call:member=weather_eu",
        "call:member=weather_*",
        "call:member=*",
        "call:tag=weather",
        "call:tag=machine%20learning",
        "call:tool=weather_eu/forecast",
        "call:tool=weather_*/get.forecast",
        "call:tool=weather_eu/a%20b%2Ac",
        "discover:member=weather_eu",
        "discover:tag=a=b:c",
        "register:prefix=team_",
        "register:member=team_a",
    ],
)
def test_a_scope_is_written_as_it_was_read(text: str) -> None:
    assert str(Scope.parse(text)) == text


@given(st.text(min_size=1, max_size=60).filter(str.isprintable))
def test_a_tag_of_any_printable_characters_survives_being_written(tag: str) -> None:
    scope = Scope(Right.CALL, By.TAG, tag)
    written = str(scope)
    assert Scope.parse(written) == scope
    assert written.isascii() and not set(written) & set(' "\\')


@given(
    st.text(min_size=1, max_size=40).filter(str.isprintable), st.from_regex(r"[A-Za-z0-9_-]{1,20}\*?", fullmatch=True)
)
def test_a_tool_of_any_printable_characters_survives_being_written(tool: str, member: str) -> None:
    scope = Scope(Right.CALL, By.TOOL, member, tool)
    assert Scope.parse(str(scope)) == scope


def test_the_order_of_scopes_does_not_matter() -> None:
    one, other = Scopes.parse("call discover"), Scopes.parse("discover  call call")
    assert one == other
    assert hash(one) == hash(other)
    assert str(one) == str(other) == "call discover"
    assert Scopes.parse(str(one)) == one


def test_more_scopes_than_the_limit_are_refused() -> None:
    Scopes.parse([f"call:member=m{number}" for number in range(MAX_SCOPES)])
    with pytest.raises(InvalidRequest, match="limit"):
        Scopes.parse([f"call:member=m{number}" for number in range(MAX_SCOPES + 1)])


def test_the_scopes_of_others_in_a_token_are_passed_over() -> None:
    assert Scopes.understood(["openid", "call", "profile", "call:member=*x"]) == Scopes.parse("call")
    assert not Scopes.understood(["offline_access"]).given


@pytest.mark.parametrize(
    ("scopes", "member", "tool", "tags", "allowed"),
    [
        ("call", "m", "t", (), True),
        ("admin", "m", "t", (), True),
        ("", "m", "t", (), False),
        ("discover register observe", "m", "t", (), False),
        ("call:member=m", "m", "t", (), True),
        ("call:member=m", "m2", "t", (), False),
        ("call:member=m", "M", "t", (), False),
        ("call:member=m*", "m2", "t", (), True),
        ("call:member=m*", "n", "t", (), False),
        ("call:member=*", "anything", "t", (), True),
        ("call:tag=w", "m", "t", ("w", "x"), True),
        ("call:tag=w", "m", "t", ("W", "ww"), False),
        ("call:tag=w", "w", "w", (), False),
        ("call:tool=m/t", "m", "t", (), True),
        ("call:tool=m/t", "m", "T", (), False),
        ("call:tool=m/t", "m2", "t", (), False),
        ("call:tool=m*/t", "m2", "t", (), True),
        ("call:tool=m*/t", "m2", "u", (), False),
        ("call:member=a call:tool=b/t", "b", "t", (), True),
        ("call:member=a call:tool=b/t", "b", "u", (), False),
        ("discover:member=m", "m", "t", (), False),
        ("register:member=m", "m", "t", (), False),
    ],
)
def test_a_call_is_allowed_as_written(
    scopes: str, member: str, tool: str, tags: tuple[str, ...], *, allowed: bool
) -> None:
    assert holder(scopes).may_call(member, tool, tags) is allowed


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ("discover", True),
        ("call", True),
        ("admin", True),
        ("register observe", False),
        ("", False),
        ("discover:member=weather_eu", True),
        ("discover:member=weather_*", True),
        ("discover:member=weather", False),
        ("discover:tag=weather", True),
        ("discover:tag=machine%20learning", True),
        ("discover:tag=machine", False),
        ("call:member=weather_eu", True),
        ("call:tag=weather", True),
        ("call:tool=weather_eu/forecast", True),
        ("call:tool=weather_us/forecast", False),
        ("register:member=weather_eu", False),
    ],
)
def test_a_member_is_seen_by_those_who_may_discover_or_use_something_of_it(scopes: str, *, allowed: bool) -> None:
    assert holder(scopes).may_discover(TAGGED) is allowed


def test_a_manifest_without_tags_is_seen_by_its_id_alone() -> None:
    assert holder("discover:member=m").may_discover({"id": "m"})
    assert not holder("discover:tag=t").may_discover({"id": "m"})
    assert not holder("discover:member=m").may_discover({})


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ("register", True),
        ("admin", True),
        ("call discover observe", False),
        ("register:prefix=team_", True),
        ("register:prefix=team_a", True),
        ("register:prefix=team_ab", False),
        ("register:member=team_a", True),
        ("register:member=team_", False),
        ("register:member=team_*", True),
    ],
)
def test_a_registration_is_allowed_as_written(scopes: str, *, allowed: bool) -> None:
    assert holder(scopes).may_register("team_a") is allowed


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [("call", True), ("call:member=m", True), ("call:tag=t", True), ("call:tool=m/x", False), ("discover", False)],
)
def test_the_scope_of_a_tool_does_not_reach_the_rest_of_its_member(scopes: str, *, allowed: bool) -> None:
    assert holder(scopes).may_use("m", ("t",)) is allowed


@pytest.mark.parametrize("right", list(Right))
def test_each_right_is_held_by_its_own_scope_and_by_admin_alone(right: Right) -> None:
    for scope in Right:
        assert holder(scope).may(right) is (scope in (right, Right.ADMIN))


def test_observing_and_administering_are_rights_of_their_own() -> None:
    assert holder("observe").may_observe() and not holder("observe").may_admin()
    assert holder("admin").may_observe() and holder("admin").may_admin()
    assert not holder("discover call register").may_observe()


def test_tags_are_looked_for_only_where_they_decide() -> None:
    assert Scopes.parse("call:tag=a").needs_tags(Right.CALL)
    assert not Scopes.parse("call call:tag=a").needs_tags(Right.CALL)
    assert not Scopes.parse("call:member=a discover:tag=a").needs_tags(Right.CALL)


@pytest.mark.parametrize("name", ["", "a b", "a\n", "a\r\nOmega-Caller: root", "x" * 129, "ä", "a*", "a>b", "a|b"])
def test_a_name_that_could_be_read_as_something_else_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="name"):
        Principal(name, EVERY_SCOPE, Via.OAUTH)


@pytest.mark.parametrize("name", ["alice", "oauth:auth0/123", "a+b@example.org", "spiffe://example.org/a", "x" * 128])
def test_a_name_may_be_an_address_or_a_uri(name: str) -> None:
    assert Principal(name, EVERY_SCOPE, Via.CERTIFICATE).name == name


def test_nobody_in_particular_may_do_everything_and_owns_no_name() -> None:
    assert LOCAL.anonymous
    assert all(LOCAL.may(right) for right in Right)
    assert LOCAL.may_call("m", "t") and LOCAL.may_register("m") and LOCAL.may_discover({"id": "m"})
