from __future__ import annotations

import orjson
import pytest
from pydantic import BaseModel

from bus.errors import InvalidRequest, Malformed
from bus.messages import ServersQuery
from gateway.reading import MAX_PARAMETERS, read_headers, read_object, read_query
from gateway.shapes import CallHeaders, HeartbeatBody, NoQuery


def test_an_empty_query_string_asks_for_the_defaults() -> None:
    assert read_query(ServersQuery, "") == ServersQuery.model_validate({})


def test_a_repeated_list_parameter_is_a_list() -> None:
    assert read_query(ServersQuery, "tag=code&tag=fast&capability=a.b").tag == ["code", "fast"]


def test_plus_and_percent_are_decoded_once() -> None:
    assert read_query(ServersQuery, "q=a+b%2520c").q == "a b%20c"


@pytest.mark.parametrize(
    ("query_string", "named"),
    [
        ("tagg=code", "tagg"),
        ("page=0", "page"),
        ("page=two", "page"),
        ("limit=1001", "limit"),
        ("status=alive", "status"),
        ("q=a&q=b", "q"),
        ("tag=", "tag"),
        ("q=" + "x" * 513, "q"),
        ("status", "status"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(query_string: str, named: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"^{named}\b"):
        read_query(ServersQuery, query_string)


def test_a_query_string_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="UTF-8"):
        read_query(ServersQuery, "q=%ff%fe")


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(InvalidRequest, match=str(MAX_PARAMETERS)):
        read_query(ServersQuery, "&".join(["tag=a"] * (MAX_PARAMETERS + 1)))


def test_a_path_without_parameters_takes_none() -> None:
    with pytest.raises(InvalidRequest, match=r"^verbose"):
        read_query(NoQuery, "verbose=1")


def test_only_the_headers_that_are_named_are_read() -> None:
    read = read_headers(CallHeaders, {"X-Omega-Timeout-Ms": "1500", "Omega-Caller": "root", "Cookie": "a=b"})
    assert read == CallHeaders.model_validate({"X-Omega-Timeout-Ms": 1500})


@pytest.mark.parametrize("value", ["0", "-5", "soon", "1.5", ""])
def test_a_deadline_that_is_no_positive_number_is_refused_by_name(value: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^X-Omega-Timeout-Ms"):
        read_headers(CallHeaders, {"X-Omega-Timeout-Ms": value})


@pytest.mark.parametrize("field", ["service_id", "id"])
def test_a_heartbeat_names_its_member_either_way(field: str) -> None:
    assert read_object(orjson.dumps({field: "a"}), HeartbeatBody).service_id == "a"


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b'{"service_id": NaN}', b"\xff"])
def test_a_body_that_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_object(body, HeartbeatBody)


class _Anything(BaseModel):
    value: object


def test_a_body_nested_too_deep_is_malformed() -> None:
    with pytest.raises(Malformed, match="deeper"):
        read_object(b'{"value":' + b"[" * 40 + b"]" * 40 + b"}", _Anything)
