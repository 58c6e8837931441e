"""Which addresses a stranger's URL may lead to."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from members.guard import Forbidden, Policy, checked
from members.hosts import checked_addresses

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
    "http://127.0.0.1./",
    "http://metadata.google.internal./",
    "http://Metadata.Goog/",
    "http://instance-data.ec2.internal/",
    "http://metadata%2egoogle%2einternal/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[64:ff9b:1::a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2001:0:53aa:64c:0:fbff:80ff:fffe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[::169.254.169.254]/",
    "http://[5f00::1]/",
    "http://100.100.100.200/latest/meta-data/",
    "http://3232235777/",
    "http://0300.0250.0.1/",
    "http://0xc0.0xa8.1/",
    "http://0xC0A80101/",
    "http://192.168.257/",
    "http://1.1.1.1@127.0.0.1/",
    "http://1.1.1.1:80@127.0.0.1:80/",
    "http://1.1.1.1%40127.0.0.1/",
    "http://93.184.216.34\t@127.0.0.1/",
    "http://[127.0.0.1]/",
    "http://127.0.0.1%2f@93.184.216.34/",
    "http://127\u30020\u30020\u30021/",
    "http://127.0.0.1\u200b/",
    "https:/93.184.216.34@/",
    "http://-oProxyCommand=x/",
    "ext::sh -c id",
    "git@93.184.216.34:a/b",
    "javascript:alert(1)",
    "data:text/plain,x",
    "jar:http://93.184.216.34/!/",
    "unix:///run/docker.sock",
    "",
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


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "fd00:ec2::254", "192.0.0.192", "100.100.100.200",
        "168.63.129.16", "64:ff9b:1::a9fe:a9fe", "64:ff9b::a9fe:a9fe", "::ffff:169.254.169.254", "0.1.2.3", "240.0.0.1",
        "255.255.255.255", "2002:a9fe:a9fe::", "2001:0:53aa:64c:0:fbff:80ff:fffe",
    ],
)  # fmt: skip
def test_link_local_metadata_and_no_address_at_all_stay_forbidden(address: str) -> None:
    assert not Policy(private=True, loopback=True).allows(ip_address(address))


@pytest.mark.parametrize("host", ["a.example", "93.184.216.34"])
def test_one_forbidden_address_among_those_of_a_name_refuses_it(host: str) -> None:
    assert checked_addresses(host, ["93.184.216.34", "93.184.216.34"], Policy()) == ("93.184.216.34",)
    with pytest.raises(Forbidden) as refused:
        checked_addresses(host, ["93.184.216.34", "10.0.0.7"], Policy())
    assert "10.0.0.7" not in str(refused.value)


def test_an_address_with_a_zone_is_judged_by_the_address() -> None:
    with pytest.raises(Forbidden):
        checked_addresses("h", ["fe80::1%eth0"], Policy(private=True, loopback=True))
