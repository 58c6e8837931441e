"""What an operator may set on who comes in. Read from `OMEGA_GATEWAY_…` in the environment, as the gateway's others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bus.access import NAME_PATTERN, Scopes
from bus.bearer import FAMILIES
from bus.errors import InvalidRequest
from gateway.settings import LOOPBACK

DEFAULT_ALGORITHMS = ("RS256", "ES256", "Ed25519", "EdDSA")


def _scopes(value: str) -> str:
    try:
        return str(Scopes.parse(value))
    except InvalidRequest as exc:
        raise ValueError(exc.message) from exc


class OAuthIssuer(BaseModel):
    """An authorization server whose access tokens are taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: Annotated[str, Field(min_length=1, max_length=512)]
    """Its identifier, exactly as its tokens say it in `iss`."""
    jwks_url: Annotated[str, Field(min_length=1, max_length=1_024)]
    """Where its public keys are. HTTPS, unless it is on this machine."""
    label: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,32}$")] = "oauth"
    """Begins the names of those whom it names: `oauth:<sub>`. Another for each issuer."""
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    name_claim: Annotated[str, Field(min_length=1, max_length=64)] = "sub"
    scope_claims: tuple[str, ...] = ("scope", "scp")
    scopes: dict[str, str] = Field(default_factory=dict, max_length=256)
    """What scopes of its own mean here: `{"tools:run": "discover call:tag=public"}`."""

    @field_validator("algorithms")
    @classmethod
    def _are_known(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if not values or not set(values) <= FAMILIES.keys():
            raise ValueError(f"one or more of {', '.join(FAMILIES)}")
        return values

    @field_validator("jwks_url")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        parts = urlsplit(value)
        near = parts.scheme == "http" and parts.hostname in LOOPBACK
        if not parts.hostname or not (parts.scheme == "https" or near):
            raise ValueError("an https URL (http on loopback alone): whoever can change the keys can make tokens")
        return value

    @field_validator("scopes")
    @classmethod
    def _mean_scopes(cls, values: dict[str, str]) -> dict[str, str]:
        return {word: _scopes(meaning) for word, meaning in values.items()}


class CertificateHolder(BaseModel):
    """Whom a client certificate stands for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=NAME_PATTERN)] | None = None
    """Unset: `cert:` and what is in the certificate."""
    scopes: str

    @field_validator("scopes")
    @classmethod
    def _are_scopes(cls, value: str) -> str:
        return _scopes(value)


class AccessSettings(BaseSettings):
    """Who may come in, and how it proves who it is."""

    model_config = SettingsConfigDict(env_prefix="OMEGA_GATEWAY_", extra="ignore")

    authentication: Literal["none", "required"] | None = None
    """`required`: nothing but health is answered without credentials. `none`: whoever reaches the gateway may do
    everything. Unset: `required` where OAuth issuers or client certificates are configured, `none` otherwise, which is
    taken on loopback alone."""

    open_to_the_network_without_authentication: bool = False
    """Lets a gateway start that listens beyond loopback and asks nobody for credentials. Everyone who can reach it
    can then call every tool, register members under any id and read everything. For networks that are closed by other
    means only."""

    api_keys: bool | None = None
    """Take the keys of `omega token`. Unset: where authentication is required."""

    oauth_issuers: list[OAuthIssuer] = Field(default_factory=list, max_length=8)
    """Authorization servers whose access tokens are taken, each `{"issuer", "jwks_url"}` with optionally `label`,
    `algorithms`, `name_claim`, `scope_claims` and `scopes` (what its own scopes mean here). A token must name as its
    audience the URL of what it is used on, so set `public_url`."""

    oauth_audiences: list[Annotated[str, Field(min_length=1, max_length=512)]] = Field(
        default_factory=list, max_length=16
    )
    """Further audiences that tokens may name, for issuers that know no resource URLs. A token for one of them is taken
    on every path of this gateway, and by every other service that takes that audience."""

    tls_cert: Path | None = None
    """The server's certificate with its chain, PEM: the main port and the doors then speak HTTPS, TLS 1.2 at least.
    Read again when the file changes; connections that are open stay."""

    tls_key: Path | None = None
    """Its private key, PEM, in a file that only its owner may read."""

    tls_client_ca: Path | None = None
    """Certificates of the authorities that client certificates are believed by, PEM. Every certificate of theirs that
    is for clients gets through the handshake; `certificate_principals` says who may do what."""

    tls_client_certificate_required: bool = False
    """Refuse connections without a client certificate in the handshake already, those of health probes too. False: a
    client may prove itself in another way."""

    certificate_principals: dict[str, CertificateHolder] = Field(default_factory=dict, max_length=4_096)
    """Whom client certificates stand for: `{"CN=build": {"scopes": "call"}, "URI=spiffe://example.org/ops": {"name":
    "ops", "scopes": "admin"}}`. `CN=`, `URI=` or `DNS=` and the whole value; a `*` that ends a URI stands for what
    begins so. URIs are looked at first, then DNS names, then the common name. A certificate of nobody here proves
    nothing."""

    @field_validator("certificate_principals")
    @classmethod
    def _name_certificates(cls, values: dict[str, CertificateHolder]) -> dict[str, CertificateHolder]:
        for key in values:
            kind, equals, value = key.partition("=")
            if kind not in ("CN", "URI", "DNS") or not equals or not value.strip("*"):
                raise ValueError(f"{key[:80]!r}: CN=…, URI=… or DNS=… and a value")
        return values

    @model_validator(mode="after")
    def _fits_together(self) -> AccessSettings:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key: both or none")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError("tls_client_ca: client certificates need tls_cert and tls_key")
        if self.tls_client_ca is None and (self.tls_client_certificate_required or self.certificate_principals):
            raise ValueError("tls_client_ca: needed to believe client certificates")
        labels = [issuer.label for issuer in self.oauth_issuers]
        if len(set(labels)) < len(labels):
            raise ValueError("oauth_issuers: each has a label of its own, or its subjects would pass for another's")
        return self
