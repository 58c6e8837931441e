"""What a repository URL must be, and which addresses may be dialled for it. Decisions only: nothing is resolved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from members import hosts
from members.hosts import canonical, checked_addresses, checked_host
from members.sandbox.refusals import Forbidden, Invalid

MAX_URL_LENGTH = 2048
DEFAULT_PORTS = {"https": 443, "http": 80}

PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+/?")


@dataclass(frozen=True, slots=True)
class Policy:
    """Which servers may be cloned from."""

    allowed_hosts: frozenset[str] = frozenset()
    only_allowed_hosts: bool = False
    allow_http: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """A repository's place, normalised. `listed`: its host is in the allow-list, so its addresses are not judged."""

    scheme: str
    host: str
    port: int
    path: str
    listed: bool

    @property
    def url(self) -> str:
        """Rebuilt from checked parts; never the caller's own string."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def parse(repo_url: str, policy: Policy) -> Address:
    """The place a caller named. Raises Invalid when it is no plain repository URL, Forbidden when policy is against
    it. Neither repeats the URL, which may carry a password."""
    parts = split(repo_url)
    address = place(parts, policy)
    if parts.scheme == "http" and not (address.listed or policy.allow_http):
        raise Forbidden("repo_url: http is not allowed for this host; use https", field="repo_url")
    if policy.only_allowed_hosts and not address.listed:
        raise Forbidden(f"repo_url: the host {address.host} is not one of the allowed hosts", field="repo_url")
    with _refusing(address):
        checked_host(address.host, hosts.Policy(unrestricted=address.listed))
    return address


def split(repo_url: str) -> SplitResult:
    """The parts of a URL that has nothing but a scheme, a host, a port and a path."""
    if not repo_url.strip():
        raise Invalid("repo_url is empty", field="repo_url")
    if len(repo_url) > MAX_URL_LENGTH:
        raise Invalid(f"repo_url is longer than {MAX_URL_LENGTH} characters", field="repo_url")
    if repo_url.startswith("-") or any(c.isspace() or not c.isprintable() for c in repo_url) or "\\" in repo_url:
        raise Invalid("repo_url begins like an option or holds blanks or control characters", field="repo_url")
    try:
        parts = urlsplit(repo_url)
        _ = parts.port
    except ValueError as exc:
        raise Invalid("repo_url is not a URL: its host or port cannot be read", field="repo_url") from exc
    if parts.scheme not in DEFAULT_PORTS:
        raise_for_scheme(parts.scheme)
    if parts.username is not None or parts.password is not None:
        raise Invalid("repo_url carries credentials; only public repositories are read", field="repo_url")
    if parts.query or parts.fragment or "?" in repo_url or "#" in repo_url:
        raise Invalid("repo_url has a query or a fragment; give the plain clone URL", field="repo_url")
    return parts


def raise_for_scheme(scheme: str) -> None:
    """Invalid when there is no scheme, Forbidden when it is one that is never used."""
    if re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme):
        raise Forbidden("repo_url: only https URLs are read, no other scheme", field="repo_url")
    raise Invalid("repo_url is not a URL; an example: https://example.org/team/project.git", field="repo_url")


def place(parts: SplitResult, policy: Policy) -> Address:
    """Host, port and path checked and put into the one form that is used from here on."""
    host = host_of(parts)
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    if not PATH.fullmatch(parts.path) or any(step in (".", "..") for step in parts.path.split("/")):
        raise Invalid("repo_url names no repository: its path is empty or not plain", field="repo_url")
    listed = host in policy.allowed_hosts or f"{host}:{port}" in policy.allowed_hosts
    return Address(parts.scheme, host, port, parts.path, listed)


def host_of(parts: SplitResult) -> str:
    """An IP address in its canonical form or a lower-case ASCII name."""
    try:
        return canonical(parts.hostname or "")
    except ValueError as exc:
        raise Invalid(f"repo_url: the host is {exc}", field="repo_url") from exc


def dialable(address: Address, resolved: Iterable[str]) -> tuple[str, ...]:
    """The addresses git is pinned to. Raises Forbidden when one of them is not public: a name that points both
    outside and inside is a trap. The address itself is not told."""
    with _refusing(address):
        return checked_addresses(address.host, resolved, hosts.Policy(unrestricted=address.listed))


@contextmanager
def _refusing(address: Address) -> Iterator[None]:
    """What the guard of all strangers' addresses says no to, in the words of this tool."""
    try:
        yield
    except hosts.Forbidden:
        raise Forbidden(
            f"repo_url: the host {address.host} leads to a private, local or reserved address; "
            "an operator can allow it by name",
            field="repo_url",
        ) from None
