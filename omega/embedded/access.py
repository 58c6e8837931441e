"""Whom a NATS server of ours lets in: the part of its configuration that says so, in each of four ways. Pure.

The subjects come from the one table of `bus.trust.rights`, whichever way is taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bus import BusSettings
from bus.trust.authority import ACCOUNT, SYSTEM_ACCOUNT, ServerTokens
from bus.trust.certificates import uri_of
from bus.trust.rights import Identity, Rights, Role, rights_of

EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class Open:
    """Everybody of this machine, and the server's own events behind a password: for trying things only."""

    system_user: str
    system_password: str
    password: str
    """Of the user that a client without credentials becomes; nobody needs to know it."""

    def text(self) -> str:
        return _OPEN.format(
            account=ACCOUNT,
            everyone=EVERYONE,
            system=SYSTEM_ACCOUNT,
            system_user=self.system_user,
            system_password=quoted(self.system_password),
            password=quoted(self.password),
        )


@dataclass(frozen=True, slots=True)
class ByToken:
    """Whoever has a token of the deployment's authority: new credentials need no word to the server."""

    tokens: ServerTokens

    def text(self) -> str:
        known = "\n".join(f"  {public}: {token}" for public, token in self.tokens.accounts.items())
        return _BY_TOKEN.format(operator=self.tokens.operator, system=self.tokens.system_account, accounts=known)


@dataclass(frozen=True, slots=True)
class ByKey:
    """Whoever has one of these keys. A new one is told to the server (SIGHUP, and it reads this again)."""

    keys: Mapping[str, Identity]
    """By public key."""
    settings: BusSettings

    def text(self) -> str:
        return _listed(((f"nkey: {public}", identity) for public, identity in self.keys.items()), self.settings)


@dataclass(frozen=True, slots=True)
class ByCertificate:
    """Whoever has a certificate of the authority that names one of these."""

    identities: Sequence[Identity]
    settings: BusSettings
    ca: Path
    certificate: Path
    key: Path

    def text(self) -> str:
        users = ((f"user: {quoted(uri_of(identity))}", identity) for identity in self.identities)
        return tls(self.certificate, self.key, self.ca) + _listed(users, self.settings)


@dataclass(frozen=True, slots=True)
class Included:
    """What another file says, which can be written anew and read again by a running server."""

    file: str
    """Its name, beside the configuration."""

    def text(self) -> str:
        return f"\ninclude {quoted(self.file)}\n"


Access = Open | ByToken | ByKey | ByCertificate | Included


def tls(certificate: Path, key: Path, ca: Path | None = None) -> str:
    """TLS for clients; with `ca` they must have a certificate of it, and are who it says."""
    files = f"  cert_file: {quoted(str(certificate))}\n  key_file: {quoted(str(key))}\n"
    if ca is not None:
        files += f"  ca_file: {quoted(str(ca))}\n  verify_and_map: true\n"
    return f"\ntls {{\n{files}  timeout: 5\n}}\n"


def _listed(users: Iterable[tuple[str, Identity]], settings: BusSettings) -> str:
    """The accounts with these users, each with the rights of its identity."""
    lines: dict[bool, list[str]] = {True: [], False: []}
    for who, identity in users:
        rights = _permissions(rights_of(identity, settings))
        lines[identity.role is Role.SYSTEM].append(f"    {{ {who}, {rights} }}")
    ours, system = "\n".join(lines[False]), "\n".join(lines[True])
    return _LISTED.format(account=ACCOUNT, users=ours, system=SYSTEM_ACCOUNT, system_users=system)


def _permissions(rights: Rights) -> str:
    def allowed(subjects: Iterable[str]) -> str:
        return f"{{ allow: [ {', '.join(map(quoted, subjects))} ] }}"

    return f"permissions: {{ publish: {allowed(rights.publish)}, subscribe: {allowed(rights.subscribe)} }}"


def quoted(value: str) -> str:
    """As a string of the configuration language, which takes JSON's."""
    return json.dumps(value, ensure_ascii=False)


_OPEN = """
accounts {{
  {account} {{ jetstream: enabled, users: [ {{ user: {everyone}, password: {password} }} ] }}
  {system} {{ users: [ {{ user: {system_user}, password: {system_password} }} ] }}
}}
system_account: {system}
# Loopback only, so a client of this machine needs no credentials.
no_auth_user: {everyone}
"""

_BY_TOKEN = """
# Who may come in is who has a token of this deployment; what each may do is in the token, or in its account's.
operator: {operator}
system_account: {system}
resolver: MEMORY
resolver_preload: {{
{accounts}
}}
"""

_LISTED = """
accounts {{
  {account} {{ jetstream: enabled, users: [
{users}
  ] }}
  {system} {{ users: [
{system_users}
  ] }}
}}
system_account: {system}
"""
