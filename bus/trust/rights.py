"""Who may publish and hear what on the bus: one table, from which every NATS configuration and docs/security.md come.

Whatever is not in it is denied. Subjects hold the name of whom they are about, so that a permission can pin it: the
credentials of member M cannot announce, end or answer for another.

Answers go to an inbox whose last token is random: whoever was not asked cannot know where to answer, and only its
owner may listen there. (NATS's own permission for answers ends with a time, and a tool may run longer.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bus.errors import InvalidRequest
from bus.names import is_id
from bus.settings import BusSettings
from bus.subjects import Instance, Subjects

INBOXES = "_INBOX"
ANSWERS = f"{INBOXES}.>"
EVERYTHING = ">"
LOCAL = "local"
"""What the processes of this machine's federation are called where nothing else is said."""
ANY = "*"

DIRECTORY_SERVICE = "omega-directory"
GATEWAY_SERVICE = "omega-gateway"
_SRV_VERBS = ("PING", "INFO", "STATS")
_PRESENCE = ("register", "heartbeat", "leave")


class Role(StrEnum):
    """What a process is in the federation."""

    MEMBER = "member"
    """Serves the tools of one member id."""
    READING_MEMBER = "reading-member"
    """As a member; its tools may also read the resources of other members."""
    GATEWAY = "gateway"
    """Calls members and asks directories, for callers whom it lets in."""
    DIRECTORY = "directory"
    """Keeps the registry."""
    ADOPTER = "adopter"
    """Stands for members that registered over HTTP, whatever their ids."""
    CLIENT = "client"
    """Finds members and calls their tools straight from the bus."""
    OBSERVER = "observer"
    """Listens to presence and events, and asks directories."""
    OPERATOR = "operator"
    """A person who may do everything in the federation's account."""
    SYSTEM = "system"
    """Hears the server's own events, in the server's system account."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a connection is: a role, and a name within it (for a member, its id)."""

    role: Role
    name: str

    def __str__(self) -> str:
        return f"{self.role}/{self.name}"

    @property
    def inbox(self) -> str:
        """The prefix of its inboxes, which nobody else may hear."""
        return f"{INBOXES}.{self.role}.{self.name}"


@dataclass(frozen=True, slots=True)
class Rights:
    """Subjects that may be published and heard; every other is denied."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def checked_identity(role: str, name: str) -> Identity:
    """Raises InvalidRequest for a role that is none, or a name that would be more than one token of a subject."""
    if role not in {known.value for known in Role}:
        raise InvalidRequest(f"role: one of {', '.join(Role)}, not {role[:40]!r}", details={"field": "role"})
    if not is_id(name):
        raise InvalidRequest(f"name: 1 to 64 letters, digits, '_' or '-', not {name[:80]!r}", details={"field": "name"})
    return Identity(Role(role), name)


def rights_of(identity: Identity, settings: BusSettings) -> Rights:
    """What `identity` may do in the federation of `settings.prefix`."""
    return _Table(settings, identity).rights()


def template_of(role: Role, settings: BusSettings) -> Rights:
    """The same for every name: NATS puts the name where it says `{{name()}}`."""
    return _Table(settings, Identity(role, "{{name()}}")).rights()


class _Table:
    """One row a role.

    Whoever may hear `a.*` is let into `a.>` by NATS, so the table says so.
    """

    def __init__(self, settings: BusSettings, identity: Identity) -> None:
        self._settings = settings
        self._s = Subjects(settings.prefix)
        self._me = identity

    def rights(self) -> Rights:
        rows = {
            Role.MEMBER: self._member,
            Role.READING_MEMBER: self._reading_member,
            Role.GATEWAY: self._gateway,
            Role.DIRECTORY: self._directory,
            Role.ADOPTER: self._adopter,
            Role.CLIENT: self._client,
            Role.OBSERVER: self._observer,
            Role.OPERATOR: lambda: Rights((EVERYTHING,), (EVERYTHING,)),
            Role.SYSTEM: self._system,
        }
        allowed = rows[self._me.role]()
        heard = (f"{one[:-1]}>" if one.endswith(".*") else one for one in allowed.subscribe)
        return Rights(_once(allowed.publish), _once(heard))

    # rows ---------------------------------------------------------------------------------------------------------

    def _member(self) -> Rights:
        return self._serving(self._me.name)

    def _reading_member(self) -> Rights:
        mine = self._serving(self._me.name)
        read = f"{self._s.prefix}.mcp.*.*.resources.read.>"
        return Rights((*mine.publish, read, self._s.directory("server"), *self._of_calls()), mine.subscribe)

    def _adopter(self) -> Rights:
        mine = self._serving(ANY)
        asks = (self._s.directory(ANY), *self._read(self._registry))
        return Rights((*mine.publish, self._s.ping(_everybody()), *asks), (*mine.subscribe, self._s.events()))

    def _gateway(self) -> Rights:
        s = self._s
        for_callers = (f"{s.prefix}.gateway.{verb}.>" for verb in _PRESENCE)
        between = (s.gateway_answer(ANY), s.gateway_cancelled())
        told = (s.event("call-denied", ANY), s.event("access-denied", ANY), s.event("trust-changed", ANY))
        publish = (*self._calling(), *for_callers, *between, *told, ANSWERS, *self._gateway_storage())
        hears = (*self._watching(), s.session(), s.token_change(), *between, *_service(GATEWAY_SERVICE))
        return Rights(publish, (*hears, self._inbox))

    def _directory(self) -> Rights:
        s = self._s
        presence = tuple(s.every(verb) for verb in _PRESENCE)
        for_callers = (s.on_behalf_every(verb) for verb in _PRESENCE)
        publish = (f"{s.prefix}.resync.>", f"{s.prefix}.ping.>", s.events(), ANSWERS, *self._storage())
        asked = (s.directory(ANY), s.owner())
        hears = (*presence, *for_callers, *asked, s.change(), s.owner_change(), *_service(DIRECTORY_SERVICE))
        return Rights(publish, (*hears, self._inbox))

    def _client(self) -> Rights:
        return Rights(self._calling(), (*self._watching(), self._inbox))

    def _observer(self) -> Rights:
        s = self._s
        asks = (s.directory(ANY), *(f"$SRV.{verb}" for verb in _SRV_VERBS), *self._read(self._settings.events_stream))
        return Rights(asks, (*self._watching(), s.change(), self._inbox))

    def _system(self) -> Rights:
        """It only hears; an empty list of what it may publish would mean everything."""
        return Rights((self._inbox,), ("$SYS.ACCOUNT.>", "$SYS.SERVER.>", self._inbox))

    # parts of rows ------------------------------------------------------------------------------------------------

    @property
    def _inbox(self) -> str:
        return f"{self._me.inbox}.>"

    @property
    def _registry(self) -> str:
        return f"KV_{self._settings.bucket}"

    def _serving(self, member: str) -> Rights:
        """To be the member of that id: announce it, hear its calls, answer."""
        s = self._s
        every = Instance(member, ANY)
        presence = tuple(f"{s.prefix}.{verb}.{tail}" for verb in _PRESENCE for tail in (member, every.key))
        hears = (s.resync(every), s.ping(every), s.cancel(every), s.calls_of(member))
        asked = (*hears, s.mcp_of(member, ANY), s.changed(member), *_service(member), self._inbox)
        return Rights((*presence, s.changed(member), ANSWERS), asked)

    def _calling(self) -> tuple[str, ...]:
        """To find every member and call it."""
        s = self._s
        calls = (f"{s.prefix}.call.>", f"{s.prefix}.mcp.>", s.ping(_everybody()), s.directory(ANY))
        return (*calls, *self._of_calls())

    def _of_calls(self) -> tuple[str, ...]:
        """What a caller says after a call began: that it is cancelled, or goes on (to inboxes)."""
        return (self._s.cancel(_everybody()), ANSWERS)

    def _watching(self) -> tuple[str, ...]:
        s = self._s
        return (f"{s.prefix}.heartbeat.>", s.changed(ANY), s.events())

    def _storage(self) -> tuple[str, ...]:
        """To keep the registry: its streams, and no other."""
        settings = self._settings
        streams = (*self._buckets(settings.bucket, settings.owners_bucket), settings.events_stream)
        others = self._buckets(settings.sessions_bucket, settings.tokens_bucket)
        make = (f"$JS.API.STREAM.{verb}.{name}" for verb in ("CREATE", "UPDATE") for name in (*streams, *others))
        look = (f"$JS.API.STREAM.INFO.{name}" for name in others)
        write = (f"$KV.{bucket}.>" for bucket in (settings.bucket, settings.owners_bucket))
        elsewhere = (ask.replace("$JS.API", "$JS.*.API") for ask in self._read(self._registry))
        return ("$JS.API.STREAM.NAMES", *make, *look, *write, *self._read(*streams), *elsewhere)

    def _gateway_storage(self) -> tuple[str, ...]:
        """To keep sessions, and to read who may come in."""
        settings = self._settings
        streams = self._buckets(settings.sessions_bucket, settings.tokens_bucket)
        return (f"$KV.{settings.sessions_bucket}.>", *self._read(*streams))

    def _buckets(self, *names: str) -> tuple[str, ...]:
        return tuple(f"KV_{name}" for name in names)

    def _read(self, *streams: str) -> tuple[str, ...]:
        verbs = ("DIRECT.GET", "STREAM.MSG.GET", "STREAM.INFO")
        return tuple(f"$JS.API.{verb}.{stream}" for stream in streams for verb in verbs)


def _once(subjects: Iterable[str]) -> tuple[str, ...]:
    """In order, without those that another one covers word for word."""
    return tuple(dict.fromkeys(subjects))


def _everybody() -> Instance:
    return Instance(ANY, ANY)


def _service(name: str) -> Iterable[str]:
    """To answer as a NATS micro service of that name."""
    return (f"$SRV.{verb}{tail}" for verb in _SRV_VERBS for tail in ("", f".{name}", f".{name}.*"))
