"""Client certificates as proof: the handshake believed the certificate, the operator says whom it stands for. Pure."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Iterator, Mapping

from bus.access import MAX_NAME, Principal, Scopes, Via
from bus.errors import Unauthenticated
from gateway.access.facts import Certificate, Facts
from gateway.access.proofs import Proof
from gateway.access.settings import CertificateHolder

_NAME = re.compile(rf"[A-Za-z0-9._@:/+-]{{1,{MAX_NAME - len('cert:')}}}")


class Certificates:
    """The way in for those who hold a certificate."""

    def __init__(self, holders: Mapping[str, CertificateHolder]) -> None:
        self._holders = holders
        self._prefixes = sorted((key for key in holders if key.startswith("URI=") and key.endswith("*")), reverse=True)

    async def prove(self, facts: Facts) -> Proof | None:
        """Whose certificate the connection was made with."""
        if facts.certificate is None:
            return None
        ends = ssl.cert_time_to_seconds(str(facts.certificate["notAfter"]))
        if facts.now >= ends:
            raise Unauthenticated("the client certificate has expired since the connection was made")
        return Proof(self.principal(facts.certificate), lambda now: now < ends)

    def principal(self, certificate: Certificate) -> Principal:
        """Whom it stands for. Raises Unauthenticated for one that stands for nobody here."""
        for name in names(certificate):
            holder = self._holder(name)
            if holder is not None:
                return Principal(holder.name or named(name), Scopes.parse(holder.scopes), Via.CERTIFICATE)
        raise Unauthenticated("the client certificate stands for nobody here")

    def _holder(self, name: str) -> CertificateHolder | None:
        if name.endswith("*"):
            return None  # a certificate with a star in it is no pattern
        prefix = next((key for key in self._prefixes if name.startswith(key[:-1])), None)
        return self._holders.get(name) or (self._holders[prefix] if prefix is not None else None)


def names(certificate: Certificate) -> Iterator[str]:
    """What it calls its holder, in the order in which it is believed: URIs, DNS names, the one common name."""
    alternatives = certificate.get("subjectAltName", ())
    for kind in ("URI", "DNS"):
        yield from (f"{kind}={value}" for told, value in alternatives if told == kind)
    common = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    if len(common) == 1:
        yield f"CN={common[0]}"


def named(name: str) -> str:
    """A principal's name made of what a certificate says."""
    value = name.partition("=")[2]
    if _NAME.fullmatch(value):
        return f"cert:{value}"
    return f"cert:sha256/{hashlib.sha256(value.encode('utf-8', 'replace')).hexdigest()[:40]}"
