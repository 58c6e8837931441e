"""What a repository URL must be, and where it may lead."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.code_analyzer.address import Policy, dialable, parse
from members.hosts import is_public
from members.sandbox.refusals import Forbidden, Invalid, Refusal

OPEN = Policy()
LISTED = Policy(allowed_hosts=frozenset({"127.0.0.1:8123", "git.corp.example"}))


@pytest.mark.parametrize(
    ("url", "rebuilt"),
    [
        ("https://github.com/your/repo", "https://github.com:443/your/repo"),
        ("https://GitHub.com/your/repo.git", "https://github.com:443/your/repo.git"),
        ("HTTPS://github.com:8443/a/", "https://github.com:8443/a/"),
        ("https://github.com./a/b", "https://github.com:443/a/b"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example:443/a"),
        ("https://[2606:4700::6810:84e5]/a/b", "https://[2606:4700::6810:84e5]:443/a/b"),
        ("https://example.org/~user/a%20b.git", "https://example.org:443/~user/a%20b.git"),
    ],
)
def test_a_plain_url_is_rebuilt_in_its_one_form(url: str, rebuilt: str) -> None:
    assert parse(url, OPEN).url == rebuilt


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("not a url", "blanks"),
        ("repo", "not a URL"),
        ("/srv/repo", "not a URL"),
        ("git@github.com:your/repo.git", "not a URL"),
        ("--upload-pack=touch /tmp/x", "option"),
        ("-oProxyCommand=x", "option"),
        ("https://github.com/a\nb", "control"),
        ("https://github.com\\@127.0.0.1/a", "blanks"),
        ("https://github.com", "names no repository"),
        ("https://github.com/", "names no repository"),
        ("https://github.com/a/../b", "names no repository"),
        ("https://github.com//a", "names no repository"),
        ("https://github.com/a b", "blanks"),
        ("https://github.com/a?x=1", "query"),
        ("https://github.com/a#x", "query"),
        ("https://github.com/a?", "query"),
        ("https://user:hunter2@github.com/a", "credentials"),
        ("https://token@github.com/a", "credentials"),
        ("https:///a/b", "host"),
        ("https://github.com:99999/a", "port"),
        ("https://github.com:x/a", "port"),
        ("https://[::1/a", "host or port"),
        ("https://2130706433/a", "host"),
        ("https://0x7f000001/a", "host"),
        ("https://127.1/a", "host"),
        ("https://0177.0.0.1/a", "host"),
        ("https://[2606:4700::1%25eth0]/a", "host"),
        ("https://exa_mple..org/a", "host"),
        ("https://" + "a" * 3000 + "/a", "longer"),
    ],
)
def test_what_is_no_plain_repository_url_is_invalid(url: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as caught:
        parse(url, OPEN)
    assert caught.value.details["field"] == "repo_url"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ssh://host/a",
        "git://host/a",
        "ext::sh -c x",
        "ext::id",
        "ftp://h/a",
        "data:a",
        "git@host:team/project.git",
        "host:team/project.git",
        "git+ssh://host/a",
        "https+ext::sh",
        "fd::17/a",
        "--upload-pack=touch /tmp/x",
        "-oProxyCommand=x",
        "ssh://-oProxyCommand=x/a",
        "https://-oProxyCommand=x/a",
        "https://host/--upload-pack=x y",
        "\thttps://host/a",
        "https://host/a\n--upload-pack=x",
    ],
)
def test_other_schemes_are_not_allowed(url: str) -> None:
    with pytest.raises((Forbidden, Invalid)):
        parse(url, OPEN)


def test_a_password_in_the_url_is_never_repeated() -> None:
    for url in ("https://user:hunter2@github.com/a", "ssh://user:hunter2@github.com/a", "http://u:hunter2@h/a"):
        with pytest.raises(Refusal) as caught:
            parse(url, OPEN)
        assert "hunter2" not in caught.value.message + str(caught.value.details)


def test_http_is_for_listed_hosts_or_where_it_is_allowed() -> None:
    with pytest.raises(Forbidden, match="https"):
        parse("http://github.com/a", OPEN)
    assert parse("http://github.com/a", Policy(allow_http=True)).url == "http://github.com:80/a"
    assert parse("http://127.0.0.1:8123/a", LISTED).listed


def test_a_listed_port_is_that_port_only() -> None:
    with pytest.raises(Forbidden, match="local"):
        parse("https://127.0.0.1:8124/a", LISTED)
    assert parse("https://git.corp.example:8443/a", LISTED).listed


def test_only_allowed_hosts_closes_every_other() -> None:
    closed = Policy(allowed_hosts=frozenset({"git.corp.example"}), only_allowed_hosts=True)
    assert parse("https://git.corp.example/a", closed).listed
    with pytest.raises(Forbidden, match="not one of the allowed hosts"):
        parse("https://github.com/a", closed)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "100.100.100.200", "192.0.0.192", "168.63.129.16", "198.18.0.1", "203.0.113.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::", "2001:0:53aa:64c:0:fbff:80ff:fffe", "2001:db8::1", "64:ff9b:1::1",
    ],
)  # fmt: skip
def test_inner_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/a",
        "https://169.254.169.254/a",
        "https://[::1]/a",
        "https://[fe80::1]/a",
        "https://[64:ff9b::a9fe:a9fe]/a",
        "https://metadata.google.internal/a",
        "https://METADATA.google.internal./a",
        "https://metadata/a",
    ],
)
def test_an_inner_host_is_refused_before_it_is_resolved(url: str) -> None:
    with pytest.raises(Forbidden, match="private, local or reserved"):
        parse(url, OPEN)


@pytest.mark.parametrize("address", ["8.8.8.8", "140.82.121.3", "2606:4700::6810:84e5", "::ffff:8.8.8.8"])
def test_outer_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


def test_one_inner_address_among_outer_ones_is_a_trap() -> None:
    address = parse("https://rebind.example/a", OPEN)
    with pytest.raises(Forbidden, match="private, local or reserved") as caught:
        dialable(address, ["8.8.8.8", "10.0.0.7"])
    assert "10.0.0.7" not in caught.value.message


def test_a_listed_host_may_be_anywhere() -> None:
    assert dialable(parse("http://127.0.0.1:8123/a", LISTED), ["127.0.0.1", "127.0.0.1"]) == ("127.0.0.1",)


@given(st.text(max_size=60))
def test_any_text_is_either_refused_or_rebuilt_into_something_plain(text: str) -> None:
    try:
        url = parse(text, OPEN).url
    except Refusal:
        return
    assert url.startswith("https://")
    assert url.isascii()
    assert "@" not in url.split("/")[2]


@given(st.text(alphabet="htps:/@.-[]%#?\\127akx\t ", max_size=40))
def test_whatever_stands_after_https_the_host_cannot_be_smuggled(tail: str) -> None:
    try:
        address = parse("https://" + tail, OPEN)
    except Refusal:
        return
    assert address.host in address.url.split("/")[2]
    assert not address.url.startswith("https://-")
