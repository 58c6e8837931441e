"""Certificates for a deployment that goes by them: an authority of its own, and leaves that say who a process is.

A process is named by a URI of its certificate, `spiffe://<trust domain>/<role>/<name>`, which NATS maps to a user
(`verify_and_map`) and the gateway to a principal.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bus.errors import InvalidRequest
from bus.trust.rights import Identity, checked_identity

TRUST_DOMAIN = "omega"
SKEW = timedelta(minutes=5)
"""A certificate holds from so much before it was made: clocks differ."""


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The private key, not encrypted."""
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@dataclass(frozen=True, slots=True)
class Span:
    """From when and for how long a certificate holds."""

    now: datetime
    days: float


def new_authority(name: str, span: Span) -> Certified:
    """A certificate authority that vouches for leaves, and for no further authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    built = (
        _builder(name, name, key.public_key(), span)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
    )
    return Certified(built.sign(key, hashes.SHA256()), key)


def client_certificate(authority: Certified, identity: Identity, span: Span) -> Certified:
    """For a process that dials: who it is, and nothing else."""
    uri = x509.UniformResourceIdentifier(uri_of(identity))
    return _leaf(authority, str(identity), (uri,), ExtendedKeyUsageOID.CLIENT_AUTH, span)


def server_certificate(authority: Certified, hosts: Sequence[str], span: Span) -> Certified:
    """For a server that is dialled by one of `hosts`, names or addresses."""
    return _leaf(authority, hosts[0], [_host(host) for host in hosts], ExtendedKeyUsageOID.SERVER_AUTH, span)


def uri_of(identity: Identity) -> str:
    """How a certificate names it."""
    return f"spiffe://{TRUST_DOMAIN}/{identity}"


def identity_of(certificate: x509.Certificate) -> Identity:
    """Whom a certificate names. Raises InvalidRequest for one that names none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    for uri in names.get_values_for_type(x509.UniformResourceIdentifier):
        parts = urlsplit(uri)
        role, _, name = parts.path.removeprefix("/").partition("/")
        if parts.scheme == "spiffe" and parts.netloc == TRUST_DOMAIN:
            return checked_identity(role, name)
    raise InvalidRequest(f"certificate: no name of the form spiffe://{TRUST_DOMAIN}/ROLE/NAME in it")


def read_certified(pem: bytes, key_pem: bytes) -> Certified:
    """Raises ValueError for what is no certificate, or no key of ours."""
    key = serialization.load_pem_private_key(key_pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not an elliptic curve key")
    return Certified(x509.load_pem_x509_certificate(pem), key)


def _leaf(
    authority: Certified,
    name: str,
    names: Sequence[x509.GeneralName],
    purpose: x509.ObjectIdentifier,
    span: Span,
) -> Certified:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    vouched = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    built = (
        _builder(name, str(issuer), key.public_key(), span)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(vouched, critical=False)
    )
    return Certified(built.sign(authority.key, hashes.SHA256()), key)


def _builder(name: str, issuer: str, key: ec.EllipticCurvePublicKey, span: Span) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_called(name))
        .issuer_name(_called(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(span.now - SKEW)
        .not_valid_after(span.now + timedelta(days=span.days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
