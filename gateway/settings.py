"""What an operator may set on the gateway, each with what it costs. Read from `OMEGA_GATEWAY_…` in the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bus.names import ID_PATTERN

Port = Annotated[int, Field(ge=0, le=65_535)]
MemberId = Annotated[str, Field(pattern=ID_PATTERN)]

DOORS = {9501: "code_analyzer_fastmcp", 9502: "data_validator_fastmcp", 9503: "image_service_fastmcp"}
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class GatewaySettings(BaseSettings):
    """How the gateway listens, whom it answers, and how long it waits."""

    model_config = SettingsConfigDict(env_prefix="OMEGA_GATEWAY_", extra="ignore", populate_by_name=True)

    host: str = Field(default="127.0.0.1", min_length=1, max_length=255)
    """Address to listen on. Anything but loopback lets the network in, so it is taken only with `authentication`, or
    with the flag that gives it up. Add the names clients use to `allowed_hosts`."""

    port: Port = 9405
    """Main port. 0 takes a free one, which `Gateway.url` then tells."""

    public_url: str | None = Field(default=None, max_length=512)
    """Base URL under which clients reach the main port, without a path's trailing slash. It is written into the
    `endpoints` of members that live on the bus alone and its host joins `allowed_hosts`. Unset: the bound address,
    which is of no use to other machines."""

    doors: dict[Port, MemberId] = Field(default_factory=lambda: dict(DOORS), max_length=256)
    """Extra ports that show one member each. A port that is taken is reported and left out; an empty object closes
    them all."""

    advertise_doors: bool = True
    """Name a member's door in its `endpoints`. Set it to false behind a proxy that forwards the main port only: the
    doors are still open, but `endpoints` then lead through the main port."""

    allowed_hosts: list[str] = Field(default_factory=list, max_length=256)
    """Names accepted in the `Host` header beside loopback, `host` and the host of `public_url`; `*.example.org` for
    every name below one, `*` for any. `*` gives up the protection against DNS rebinding, by which a web page in a
    local browser talks to a loopback service."""

    allowed_origins: list[str] = Field(default_factory=list, max_length=256)
    """Web origins (`https://app.example.org`) whose pages may use the gateway from a browser, beside its own pages.
    Every page of such an origin can then do what a local user can."""

    max_body_bytes: int = Field(default=16 << 20, ge=1_024, le=1 << 30)
    """Largest request body. Each request in flight may hold this much memory. A member takes arguments of 16 MiB
    (`OMEGA_MEMBER_MAX_BODY_BYTES`), in pieces; whatever is no call must fit into one message of NATS."""

    call_timeout_s: float = Field(default=60.0, gt=0, le=3_600)
    """Deadline of a tool call that names none in `X-Omega-Timeout-Ms`."""

    max_call_timeout_s: float = Field(default=600.0, gt=0, le=86_400)
    """Longest deadline a caller may ask for. Higher lets slow tools finish at the expense of connections held open."""

    max_calls_per_member: int = Field(default=1_000, ge=1, le=1_000_000)
    """Calls to one member in flight through this gateway. One more is refused as busy: a member that hangs must not
    take the memory and connections that calls to the others need."""

    site: str | None = Field(default=None, pattern=ID_PATTERN)
    """Where this gateway runs. Calls are spread by load over the instances of its own site; those of another site
    are used when this has none. Set it where members say a `site`."""

    directory_timeout_s: float = Field(default=0.9, gt=0, le=60)
    """How long a discovery request waits for the directory. Below one second, so that clients of a frozen bus learn
    of it within one; raise it only where the directory is far away."""

    body_timeout_s: float = Field(default=15.0, gt=0, le=600)
    """How long a client may take to send a body that it began. Shorter frees what slow clients hold at the expense
    of honest ones on bad lines."""

    idle_timeout_s: float = Field(default=30.0, gt=0, le=3_600)
    """How long a connection may stay open without a complete request head on it: the bound on idle keep-alive
    connections and on clients that send their headers drop by drop."""

    send_timeout_s: float = Field(default=30.0, gt=0, le=600)
    """How long a client may take to fetch an answer too large for the socket's buffers, before it is cut off."""

    drain_s: float = Field(default=10.0, ge=0.1, le=600)
    """How long `stop` waits for requests in flight; after it they are cancelled, and their tools told so."""

    session_key: SecretStr | None = Field(default=None, min_length=16)
    """Secrets (comma-separated, the first seals, all open) under which MCP clients of 2025-11-25 and before hold their
    sessions. Unset: a key of this process alone, and its sessions end with it. Set it to the same value for all
    gateways behind one address: then each of them serves every session."""

    session_ttl_s: float = Field(default=86_400.0, ge=60, le=30 * 86_400)
    """How long such a session lasts. A client whose session is over is told so and opens another; longer spares it
    that at the expense of what is stored for it."""

    stream_silence_s: float = Field(default=15.0, gt=0, le=600)
    """After how much silence an MCP answer becomes an event stream, and how often an idle one gets a comment. Keep it
    below the idle timeout of every proxy in between."""

    stream_buffer_bytes: int = Field(default=1 << 20, ge=1 << 16, le=256 << 20)
    """Notifications that may wait for one client that reads slowly; above it the client is cut off."""

    max_streams: int = Field(default=10_000, ge=1, le=1_000_000)
    """Lasting MCP streams (subscriptions) this gateway holds open; one more is refused as busy."""

    mcp_tools_listed: int = Field(default=200, ge=0, le=1_000_000)
    """Tools that `tools/list` of `POST /mcp` shows at most. With more, four discovery tools stand for them all: a
    model reads every listed tool before its first word. `?tools=all` and `?tools=search` override it."""

    mcp_page_size: int = Field(default=250, ge=1, le=10_000)
    """Tools, prompts or resources on one page of a list of `POST /mcp`. Larger pages need fewer requests and hold
    the event loop longer each."""

    mcp_gather_s: float = Field(default=1.0, gt=0, le=60)
    """How long the lists of prompts and resources wait for members that were not asked before. What comes later is
    announced as a change; a member that did not answer is not waited for again."""

    mcp_gather_at_once: int = Field(default=32, ge=1, le=1_000)
    """Members asked for their prompts and resources at the same time. More fills a long list sooner at the expense
    of calls in flight."""

    mcp_check_s: float = Field(default=2.0, ge=0.1, le=300)
    """How often the directory's revision is looked at, in case word of a change was lost. Changes are normally heard
    of at once."""

    requests_per_minute: int | None = Field(default=None, ge=0, le=10_000_000)
    """Requests that one principal, or where nobody proves who it is one address, may make in a minute; one more is
    refused with 429. 0: no limit. Unset: 6000 where callers must prove who they are, else no limit. Lower keeps one
    caller's flood from the others at the expense of its bursts."""

    requests_at_once: int | None = Field(default=None, ge=0, le=1_000_000)
    """Requests of one principal (or address) that this gateway works on at the same time, streams included; one more
    is refused with 429. 0: no limit. Unset: 256 where callers must prove who they are, else no limit."""

    member_calls_per_minute: int = Field(default=0, ge=0, le=10_000_000)
    """Calls to one member in a minute, whoever makes them; one more is refused with 429. 0: no limit. For members that
    are slower or dearer than what asks them: all callers together share it, so one of them can use it up."""

    redis_url: SecretStr | None = Field(default=None, validation_alias="OMEGA_REDIS_URL")
    """A Redis in which all gateways that are given it count together: `redis://[user:password@]host:port/number`, or
    `rediss://` for TLS. Unset, or while it is away: each gateway counts for itself, so that callers may make as many
    requests at each of them. Needs the extra `redis`."""

    redis_patience_s: float = Field(default=0.005, gt=0, le=1)
    """How long a request waits for Redis before it is counted in the gateway itself. Raise it where Redis is further
    away than a millisecond or two; every request takes that much longer while Redis begins to be slow."""

    max_connections: int = Field(default=8_192, ge=1, le=1_000_000)
    """Connections that each port holds open, or as many as the files that the process may open leave room for. For one
    more, the one that has been without a request for longest is closed. Each costs some 30 KB; a lasting stream holds
    one, so keep it above the number of those."""

    trust_store: Path | None = None
    """Public keys that members are believed by: a JWKS file or a folder of them. Set, a member is called only if the
    manifest that the directory serves of it is what one of these keys signed; all others are refused (403). Looked at
    again at most 30 s later, and at once when the member registers or the keys change."""

    access_log: bool = True
    """One log line per request. Off saves some 20 µs a request; errors are logged all the same."""

    @field_validator("public_url")
    @classmethod
    def _is_a_base_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("an http or https URL without query or fragment")
        return value.rstrip("/")

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, values: list[str]) -> list[str]:
        for value in values:
            parts = urlsplit(value)
            if parts.scheme not in ("http", "https") or value != f"{parts.scheme}://{parts.netloc}":
                raise ValueError(f"{value!r} is not an origin: scheme://host or scheme://host:port, in lower case")
        return values

    @model_validator(mode="after")
    def _deadlines_fit(self) -> GatewaySettings:
        if self.call_timeout_s > self.max_call_timeout_s:
            raise ValueError("call_timeout_s is larger than max_call_timeout_s")
        return self

    @property
    def hosts(self) -> frozenset[str]:
        """Every name and pattern accepted in the `Host` header, in lower case."""
        own = [self.host] if self.host not in ("0.0.0.0", "::") else []
        public = urlsplit(self.public_url).hostname if self.public_url else None
        names = (*LOOPBACK, *own, *self.allowed_hosts, *([public] if public else []))
        return frozenset(name.strip("[]").lower() for name in names)
