"""Material that comes in the text itself, and what is refused before anything is asked for."""

from __future__ import annotations

import base64

import pytest

from bus.errors import Disconnected, InvalidArguments, NotAllowed, NotFound, TooLarge, ToolError
from members.material import Materials, Sources, from_base64, from_data_url, is_uri
from members.peers import Peers, content

CONTENT = bytes(range(256))
TEXT = base64.b64encode(CONTENT).decode()
WRAPPED = "\r\n".join(TEXT[at : at + 76] for at in range(0, len(TEXT), 76))
SOURCES = Sources(max_bytes=1024, timeout_s=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.org/a.png", True),
        ("HTTP://example.org", True),
        ("omega://member/m/file://x", True),
        ("data:image/png;base64,AAAA", True),
        ("data:,hello", True),
        (f"data:image/png;base64,{WRAPPED}", True),
        (TEXT, False),
        ("", False),
        ("data:x,y\n1,2", False),
        ("https://example.org is a site", False),
        ("a,b\nhttps://example.org,2", False),
        ("file:///etc/passwd", False),
    ],
)
def test_a_uri_is_told_from_the_material_itself(text: str, expected: bool) -> None:
    assert is_uri(text) is expected


@pytest.mark.parametrize("text", [TEXT, WRAPPED, f" {TEXT[:50]}\n\t{TEXT[50:]}\n"])
def test_base64_is_read_with_line_breaks_or_without(text: str) -> None:
    assert from_base64(text, "image", 256) == CONTENT


@pytest.mark.parametrize("text", ["not base64!", "abc", "a-_b", "é" * 4, "AAAA=AAA"])
def test_what_is_no_base64_is_refused_naming_the_argument(text: str) -> None:
    with pytest.raises(InvalidArguments, match="image: not base64") as caught:
        from_base64(text, "image", 256)
    assert caught.value.details is not None and caught.value.details["problems"][0]["field"] == "image"


@pytest.mark.parametrize("size", [253, 254, 255])
def test_the_limit_is_in_bytes_of_what_is_inside(size: int) -> None:
    with pytest.raises(TooLarge, match=f"image: more than {size} bytes"):
        from_base64(TEXT, "image", size)
    with pytest.raises(TooLarge, match=f"image: more than {size} bytes"):
        from_data_url(f"data:;base64,{WRAPPED}", "image", size)


@pytest.mark.parametrize(
    ("url", "expected", "kind"),
    [
        (f"data:image/png;base64,{TEXT}", CONTENT, "image/png"),
        (f"data:Image/PNG;base64,{WRAPPED}", CONTENT, "image/png"),
        (f"data:image/svg+xml;charset=utf-8;base64,{TEXT}", CONTENT, "image/svg+xml"),
        (f"data:;base64,{TEXT}", CONTENT, "text/plain"),
        ("data:,a%20b%FF", b"a b\xff", "text/plain"),
        ("data:text/csv;charset=utf-8,a,b%0A1,2", b"a,b\n1,2", "text/csv"),
        ("data:,", b"", "text/plain"),
    ],
)
def test_a_data_url_is_read_as_the_rfc_says(url: str, expected: bytes, kind: str) -> None:
    found = from_data_url(url, "image", 256)
    assert (found.content, found.media_type) == (expected, kind)


@pytest.mark.parametrize("url", ["data:image/png;base64", "data:a b,c", "data:", f"data:{'x' * 300},"])
def test_what_only_begins_like_a_data_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidArguments, match="image: not a data URL"):
        from_data_url(url, "image", 256)


def test_a_percent_encoded_body_is_bounded_before_and_after_decoding() -> None:
    assert from_data_url("data:," + "%41" * 10, "image", 10).content == b"A" * 10
    with pytest.raises(TooLarge):
        from_data_url("data:," + "A" * 11, "image", 10)
    with pytest.raises(TooLarge):
        from_data_url("data:," + "A" * 31, "image", 10)


# what a Materials refuses without asking anybody --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("http://example.org/a", NotAllowed, "only https"),
        ("https://127.0.0.1/a", NotAllowed, "policy does not allow"),
        ("https://169.254.169.254/latest", NotAllowed, "policy does not allow"),
        ("https://[::1]/a", NotAllowed, "policy does not allow"),
        ("https://localhost/a", NotAllowed, "policy does not allow"),
        ("https://user:secret@example.org/a", NotAllowed, "not dialled"),
        ("https://", InvalidArguments, "https:// URL"),
        ("https://[nowhere/a", InvalidArguments, "cannot be read"),
        ("file:///etc/passwd", InvalidArguments, "https:// URL"),
        ("https://example.org/" + "a" * 3000, InvalidArguments, "at most 2048"),
        ("omega://member/m/r", Disconnected, "not part of a federation"),
        ("omega://directory/servers", InvalidArguments, "https:// URL"),
    ],
)
async def test_a_uri_is_refused(url: str, error: type[Exception], words: str) -> None:
    materials = Materials(SOURCES, Peers())
    with pytest.raises(error, match=words) as caught:
        await materials.read(url, "image")
    await materials.close()
    assert "secret" not in str(caught.value)


async def test_no_url_is_fetched_where_the_operator_says_so() -> None:
    materials = Materials(Sources(max_bytes=10, timeout_s=1, urls=False, allowed_hosts=("127.0.0.1",)), Peers())
    for url in ("https://example.org/a", "http://127.0.0.1/a"):
        with pytest.raises(NotAllowed, match="image: URLs are not fetched here"):
            await materials.read(url, "image")
    assert (await materials.read("data:,still", "image")).content == b"still"


@pytest.mark.parametrize(
    ("listed", "url", "expected"),
    [
        ("files.example.org", "http://files.example.org:8080/a", True),
        ("files.example.org:8080", "http://files.example.org:8080/a", True),
        ("files.example.org:8080", "http://files.example.org/a", False),
        ("files.example.org:443", "https://files.example.org/a", True),
        ("files.example.org:80", "http://files.example.org/a", True),
        ("example.org", "https://files.example.org/a", False),
    ],
)
def test_a_host_is_listed_by_name_or_with_its_port(listed: str, url: str, expected: bool) -> None:
    assert Sources(1, 1, allowed_hosts=(listed,)).lists(url) is expected


# what a member answers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"text": "é", "mimeType": "text/plain"}, ("é".encode(), "text/plain")),
        ({"blob": TEXT}, (CONTENT, "application/octet-stream")),
        ({"text": ""}, (b"", "application/octet-stream")),
    ],
)
def test_a_resource_is_text_or_blob(found: dict[str, str], expected: tuple[bytes, str]) -> None:
    assert content({"result": {"contents": [found]}}, "omega://member/m/r") == expected


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ({"error": {"code": -32602, "message": "no such resource"}}, NotFound),
        ({"result": {"contents": []}}, ToolError),
        ({"result": {}}, ToolError),
        ({"result": {"contents": [{"blob": "?"}]}}, ToolError),
    ],
)
def test_an_answer_without_content_is_an_error(response: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error, match="omega://member/m/r"):
        content(response, "omega://member/m/r")
