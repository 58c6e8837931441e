"""A deployment's authority: the keys that vouch for everybody else, and the credentials made with them.

operator ── vouches for ──▶ account of the federation ── its scoped keys make ──▶ members
                       └──▶ system account                its staff key makes ──▶ everybody else

The key of a scope can make nothing but users with the rights of that scope: a machine that issues credentials to
members needs no more than that. Whoever holds the folder `authority` is the deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bus.errors import NotAllowed
from bus.settings import BusSettings
from bus.trust.claims import Account, Scope, User, account_token, operator_token, read_token, user_token
from bus.trust.credentials import BadCredentials, Credentials, read_credentials, read_secret, write_secret, written
from bus.trust.nkeys import KeyPair, Kind
from bus.trust.rights import Identity, Rights, Role, rights_of, template_of

ACCOUNT = "OMEGA"
SYSTEM_ACCOUNT = "SYS"
SCOPED = (Role.MEMBER, Role.READING_MEMBER)
"""Made by a key that can make no others."""
_KINDS = {"operator": Kind.OPERATOR, "account": Kind.ACCOUNT, "system": Kind.ACCOUNT, "staff": Kind.ACCOUNT}
_REVOKED = TypeAdapter(dict[str, int])
_KEYS = (*_KINDS, *(f"scope-{role}" for role in SCOPED))


class NoAuthority(NotAllowed):
    """There is no authority here: `omega trust init` makes one."""


@dataclass(frozen=True, slots=True)
class ServerTokens:
    """What a NATS server must be told to believe the credentials of an authority."""

    operator: str
    system_account: str
    """Public key."""
    accounts: Mapping[str, str]
    """Token of each account, by public key."""


class Authority:
    """The keys of one deployment, in a folder that only its owner may read."""

    def __init__(self, folder: Path, keys: Mapping[str, KeyPair], settings: BusSettings) -> None:
        self._folder = folder
        self._keys = keys
        self._settings = settings

    @classmethod
    def open(cls, folder: Path, settings: BusSettings) -> Authority:
        """The one kept in `folder`. Raises NoAuthority, BadCredentials (a file that is missing or not ours)."""
        if not _path(folder, "operator").exists():
            raise NoAuthority(f"{folder}: no authority here; omega trust init makes one")
        return cls(folder, {name: _read_key(folder, name) for name in _KEYS}, settings)

    @classmethod
    def create(cls, folder: Path, settings: BusSettings) -> Authority:
        """The one kept in `folder`, made there where there is none. Raises OSError, BadCredentials."""
        for name in reversed(_KEYS):  # the operator's last: with it there, the others are
            path = _path(folder, name)
            if not path.exists():
                write_secret(path, KeyPair.fresh(_kind(name)).seed + "\n")
        return cls.open(folder, settings)

    def operator_token(self, now: int) -> str:
        """The operator's word about itself, always the same: a server takes no other without a restart.

        Raises OSError, BadCredentials.
        """
        path = self._folder / "operator.jwt"
        if not path.exists():
            system = self._keys["system"].public
            write_secret(path, operator_token(ACCOUNT, self._keys["operator"], system, now) + "\n")
        return read_secret(path).strip()

    # issuing ------------------------------------------------------------------------------------------------------

    def issue(self, identity: Identity, now: int, *, expires: int | None = None) -> Credentials:
        """Credentials with a key of their own; `expires` in Unix seconds."""
        key = KeyPair.fresh(Kind.USER)
        scoped = identity.role in SCOPED
        user = User(
            identity.name,
            identity.role,
            self._keys["system" if identity.role is Role.SYSTEM else "account"].public,
            None if scoped else rights_of(identity, self._settings),
            expires,
        )
        return Credentials(identity, key, user_token(user, key.public, self._signer(identity.role), now), expires)

    def vouches_for(self, credentials: Credentials) -> bool:
        """Whether they are of this authority, not revoked, with the rights that their role has today."""
        if credentials.token is None or credentials.key.public in self.revoked():
            return False
        claims = read_token(credentials.token)
        role = credentials.identity.role
        if claims["iss"] != self._signer(role).public:
            return False
        if role in SCOPED:
            return True
        says = claims["nats"]
        rights = Rights(tuple(says["pub"]["allow"]), tuple(says["sub"]["allow"]))
        return rights == rights_of(credentials.identity, self._settings)

    def _signer(self, role: Role) -> KeyPair:
        if role is Role.SYSTEM:
            return self._keys["system"]
        return self._keys[f"scope-{role}" if role in SCOPED else "staff"]

    # what servers are told ----------------------------------------------------------------------------------------

    def server_tokens(self, now: int) -> ServerTokens:
        """As things are now, revocations included. Raises OSError, BadCredentials."""
        operator, account, system = (self._keys[name] for name in ("operator", "account", "system"))
        scopes = tuple(
            Scope(self._keys[f"scope-{role}"].public, role, template_of(role, self._settings)) for role in SCOPED
        )
        ours = Account(ACCOUNT, scopes, (self._keys["staff"].public,), jetstream=True, revoked=self.revoked())
        return ServerTokens(
            operator=self.operator_token(now),
            system_account=system.public,
            accounts={
                account.public: account_token(ours, account.public, operator, now),
                system.public: account_token(Account(SYSTEM_ACCOUNT), system.public, operator, now),
            },
        )

    # revoking -----------------------------------------------------------------------------------------------------

    def revoke(self, public: str, now: int) -> None:
        """Whatever was issued to that key up to `now` holds no more, once the servers are told. Raises OSError."""
        revoked = self.revoked() | {public: now}
        write_secret(self._revoked_file, _REVOKED.dump_json(revoked).decode())

    def revoked(self) -> dict[str, int]:
        """Public keys and the moment of their end. Raises BadCredentials."""
        if not self._revoked_file.exists():
            return {}
        try:
            return _REVOKED.validate_json(read_secret(self._revoked_file))
        except ValidationError as exc:
            raise BadCredentials(f"{self._revoked_file}: not a list of revocations") from exc

    @property
    def _revoked_file(self) -> Path:
        return self._folder / "revoked.json"


def listed(identity: Identity) -> Credentials:
    """A fresh key for servers that list the keys they let in."""
    return Credentials(identity, KeyPair.fresh(Kind.USER))


class Wallet:
    """The credentials of a deployment as files, `<role>-<name>.creds` each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, identity: Identity) -> Path:
        return self._folder / f"{identity.role}-{identity.name}.creds"

    def held(self) -> list[Credentials]:
        """All of them, by name of file. Raises BadCredentials."""
        return [read_credentials(path) for path in sorted(self._folder.glob("*.creds"))]

    def get(self, identity: Identity) -> Credentials | None:
        """Raises BadCredentials."""
        path = self.path(identity)
        return read_credentials(path) if path.exists() else None

    def keep(self, credentials: Credentials) -> Path:
        """Write them down, in place of those there were. Raises OSError."""
        path = self.path(credentials.identity)
        write_secret(path, written(credentials))
        return path

    def supply(self, identity: Identity, authority: Authority, now: int) -> Path:
        """Where they are, issued by `authority` where there are none of its own. Raises OSError."""
        path = self.path(identity)
        try:
            held = self.get(identity)
        except BadCredentials:
            held = None
        return path if held is not None and authority.vouches_for(held) else self.keep(authority.issue(identity, now))

    def drop(self, identity: Identity) -> None:
        self.path(identity).unlink(missing_ok=True)


def _kind(name: str) -> Kind:
    return _KINDS.get(name, Kind.ACCOUNT)


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.seed"


def _read_key(folder: Path, name: str) -> KeyPair:
    try:
        return KeyPair.from_seed(read_secret(_path(folder, name)).strip(), _kind(name))
    except ValueError as exc:
        raise BadCredentials(f"{_path(folder, name)}: {exc}") from exc
