"""The locked packages as a CycloneDX bill of materials: the same for the same lock, apart from when it was made."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from ops.supply.lock import Lock, Locked


def bill_of(lock: Lock, text: bytes) -> str:
    """The bill as JSON; `text` is the lock itself, after which it is numbered."""
    project = _component(lock.project, ComponentType.APPLICATION)
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, hashlib.sha256(text).hexdigest()))
    bom.metadata.component = project
    listed = {one.key: _component(one, ComponentType.LIBRARY) for one in lock.packages}
    bom.components.update(listed.values())
    listed[lock.project.key] = project
    for one in (lock.project, *lock.packages):
        bom.register_dependency(listed[one.key], [listed[key] for key in sorted(one.needs)])
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)


def _component(package: Locked, kind: ComponentType) -> Component:
    purl = PackageURL("pypi", name=package.name, version=package.version)
    return Component(
        type=kind,
        name=package.name,
        version=package.version,
        purl=purl,
        bom_ref=str(purl),
        scope=ComponentScope.EXCLUDED if package.development else ComponentScope.REQUIRED,
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(file.url),
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=file.sha256)],
            )
            for file in package.files
        ],
    )


def write_bill(lock: Lock, text: bytes, place: Path) -> None:
    """The bill into a file, whose folder is made."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(bill_of(lock, text))
