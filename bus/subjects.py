"""Every subject of the federation, built and read in one place.

Builders check nothing: ids are checked where they enter (`bus.names`), once. Readers return None for a subject
that is not theirs, so that a stray publish is ignored rather than misread.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from bus.names import DEFAULT_INSTANCE, UNSAFE_NAME, is_id, token

DIRECTORY_VERBS = ("servers", "server", "search", "select", "tags", "tools", "stats")


@dataclass(frozen=True, slots=True)
class Instance:
    """One running copy of a member."""

    member: str
    instance: str = DEFAULT_INSTANCE

    @property
    def key(self) -> str:
        """Its key in the registry bucket."""
        return f"{self.member}.{self.instance}"

    @staticmethod
    def from_key(key: str) -> Instance | None:
        """The instance a key names, or None when the key is not of that form."""
        member, dot, instance = key.partition(".")
        return Instance(member, instance) if dot and is_id(member) and is_id(instance) else None


@dataclass(frozen=True, slots=True)
class Subjects:
    """The subjects below one prefix. Two prefixes on one NATS system are two federations."""

    prefix: str = "omega"

    # presence ---------------------------------------------------------------------------------------------------

    def register(self, who: Instance) -> str:
        return f"{self.prefix}.register.{who.member}.{who.instance}"

    def heartbeat(self, who: Instance) -> str:
        return f"{self.prefix}.heartbeat.{who.member}.{who.instance}"

    def heartbeats_of(self, member: str) -> str:
        """Those of all instances that name themselves."""
        return f"{self.prefix}.heartbeat.{member}.*"

    def leave(self, who: Instance) -> str:
        return f"{self.prefix}.leave.{who.member}.{who.instance}"

    def leave_all(self, member: str) -> str:
        return f"{self.prefix}.leave.{member}"

    def resync(self, who: Instance) -> str:
        return f"{self.prefix}.resync.{who.member}.{who.instance}"

    def ping(self, who: Instance) -> str:
        return f"{self.prefix}.ping.{who.member}.{who.instance}"

    def every(self, verb: str) -> str:
        """Everything under a presence verb, ill-formed names too: their senders are told."""
        return f"{self.prefix}.{verb}.>"

    def who(self, subject: str) -> Instance | None:
        """The instance a presence subject names; without an instance token it is `default`. None: not well formed."""
        tokens = self._presence(subject)
        if not 2 <= len(tokens) <= 3 or not all(is_id(part) for part in tokens[1:]):
            return None
        return Instance(*tokens[1:])

    def names_all_instances(self, subject: str) -> bool:
        """Whether a presence subject names a member without an instance."""
        return len(self._presence(subject)) == 2

    # presence told by a gateway, for callers of its own -----------------------------------------------------------

    def on_behalf(self, verb: str, member: str, instance: str | None = None) -> str:
        """Where a gateway passes on `register`, `heartbeat` or `leave`; without an instance, all of the member's."""
        tail = member if instance is None else f"{member}.{instance}"
        return f"{self.prefix}.gateway.{verb}.{tail}"

    def on_behalf_every(self, verb: str) -> str:
        """Everything that gateways pass on under a presence verb."""
        return f"{self.prefix}.gateway.{verb}.>"

    def is_on_behalf(self, subject: str) -> bool:
        """Whether a gateway passed this presence subject on for a caller of its own."""
        return self._tail(subject)[0] == "gateway"

    def owner(self) -> str:
        """Where an operator gives a member id to another owner."""
        return f"{self.prefix}.directory-admin.owner"

    # discovery --------------------------------------------------------------------------------------------------

    def directory(self, verb: str) -> str:
        return f"{self.prefix}.directory.{verb}"

    def change(self, key: str = ">") -> str:
        """Where the registry bucket's committed writes are repeated for the replicas."""
        return f"{self.prefix}.change.{key}"

    def owner_change(self, key: str = ">") -> str:
        """Where changes of ownership are repeated for the replicas."""
        return f"{self.prefix}.owner.{key}"

    # calls ------------------------------------------------------------------------------------------------------

    def call(self, member: str, tool: str) -> str:
        return f"{self.prefix}.call.{member}.{token(tool)}"

    def calls_of(self, member: str) -> str:
        return f"{self.prefix}.call.{member}.*"

    def call_at(self, who: Instance, tool: str) -> str:
        """As `call`, to one instance."""
        return f"{self.prefix}.call.{who.member}.{who.instance}.{token(tool)}"

    def calls_at(self, who: Instance) -> str:
        return f"{self.prefix}.call.{who.member}.{who.instance}.*"

    def mcp(self, member: str, instance: str, method: str, name: str | None) -> str:
        """Where an MCP request for a member travels; `instance` may be `any`."""
        return f"{self.prefix}.mcp.{member}.{instance}.{method_tokens(method)}.{name_token(name)}"

    def mcp_of(self, member: str, instance: str) -> str:
        return f"{self.prefix}.mcp.{member}.{instance}.>"

    def mcp_tail(self, subject: str) -> str:
        """An MCP subject behind the instance: the method's tokens, then the name's."""
        return subject[len(self.prefix) + 1 :].split(".", 3)[3]

    def changed(self, member: str) -> str:
        """Where the instances of a member tell each other that a list or a resource of theirs changed."""
        return f"{self.prefix}.changed.{member}"

    def cancel(self, who: Instance) -> str:
        return f"{self.prefix}.cancel.{who.member}.{who.instance}"

    def last_token(self, subject: str) -> str:
        return subject.rpartition(".")[2]

    # gateways ---------------------------------------------------------------------------------------------------

    def gateway_answer(self, gateway: str) -> str:
        """Where a client's answer goes to the gateway that asked."""
        return f"{self.prefix}.gateway.answer.{gateway}"

    def gateway_cancelled(self) -> str:
        """Where gateways tell each other that a client withdrew a request."""
        return f"{self.prefix}.gateway.cancelled"

    def session(self, key: str = ">") -> str:
        """Where the changes of client sessions are repeated for the gateways."""
        return f"{self.prefix}.session.{key}"

    def token_change(self, key: str = ">") -> str:
        """Where changes of the keys that gateways let in are repeated for the gateways."""
        return f"{self.prefix}.token.{key}"

    # trail ------------------------------------------------------------------------------------------------------

    def event(self, kind: str, member: str) -> str:
        return f"{self.prefix}.event.{kind}.{member}"

    def events(self) -> str:
        return f"{self.prefix}.event.>"

    def event_tail(self, subject: str) -> str:
        """The tokens of an event's subject behind the tree: its kind and its member."""
        return subject[len(self.prefix) + len(".event.") :]

    def restored(self, tail: str) -> str:
        """Where an event of a backup goes to be stored as `event.<tail>` without being heard as one."""
        return f"{self.prefix}.restored.{tail}"

    def requests(self) -> tuple[str, ...]:
        """Every tree that carries requests: no stream may match any of them."""
        trees = ("register", "heartbeat", "leave", "resync", "directory", "mcp", "call", "cancel", "ping", "gateway")
        return tuple(f"{self.prefix}.{tree}.>" for tree in trees)

    def within_site(self) -> tuple[str, ...]:
        """Every tree that must not cross to another site: what a site's own directory, storage and members settle."""
        presence = ("register", "heartbeat", "leave")
        kept = ("change", "event", "restored", "session", "owner", "token")
        trees = (*presence, *(f"gateway.{verb}" for verb in presence), "resync", "directory", "directory-admin", *kept)
        return tuple(f"{self.prefix}.{tree}.>" for tree in trees)

    def _presence(self, subject: str) -> list[str]:
        """The tokens of a presence subject from its verb on."""
        tail = self._tail(subject)
        return tail[1:] if tail[0] == "gateway" else tail

    def _tail(self, subject: str) -> list[str]:
        return subject[len(self.prefix) + 1 :].split(".")


@lru_cache(maxsize=256)
def method_tokens(method: str) -> str:
    """An MCP method as it stands in a subject: `tools/call` is `tools.call`."""
    return ".".join(token(part) for part in method.split("/"))


def name_token(name: str | None) -> str:
    """What a request names, as the last token of its subject."""
    return token(name) if name is not None else UNSAFE_NAME
