"""Which addresses a stranger's URL may lead to."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from members.guard import Forbidden, Policy, checked

HOSTILE = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0177.0.0.1/",
    "http://0x7f.0.0.1/",
    "http://0x7f000001/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://0.0.0.0/",
    "http://[::]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://metadata.google.internal/",
    "http://METADATA/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://user:secret@93.184.216.34/",
    "http://93.184.216.34:99999/",
    "ftp://93.184.216.34/",
    "file:///etc/passwd",
    "gopher://93.184.216.34/",
    "http:///nowhere",
    "http://exa mple.org/",
    "http://127.0.0.1\\@93.184.216.34/",
    "http://①②⑦.⓪.⓪.①/",
    "//93.184.216.34/",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused_before_anything_is_dialled(url: str) -> None:
    with pytest.raises(Forbidden) as refused:
        checked(url, Policy())
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["https://example.org/mcp", "http://93.184.216.34:8080/mcp", "https://[2606:4700::1]/"])
def test_a_public_url_is_dialled(url: str) -> None:
    assert checked(url, Policy())


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_a_setting_of_its_own(address: str) -> None:
    ip = ip_address(address)
    assert Policy(loopback=True).allows(ip)
    assert not Policy(private=True).allows(ip)


@pytest.mark.parametrize("address", ["10.1.2.3", "172.20.0.1", "192.168.0.9", "fd00::1"])
def test_private_addresses_are_a_setting_of_their_own(address: str) -> None:
    ip = ip_address(address)
    assert Policy(private=True).allows(ip)
    assert not Policy(loopback=True).allows(ip)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1"])
def test_link_local_and_no_address_at_all_stay_forbidden(address: str) -> None:
    assert not Policy(private=True, loopback=True).allows(ip_address(address))
