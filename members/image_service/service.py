"""The Image Service as a member: what it is made of, and who ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from members import Member
from members.image_service.settings import ImageServiceSettings
from members.image_service.studio import Studio
from members.image_service.tools import add_tools
from members.material import Materials, Sources
from members.sandbox.extras import require_modules
from members.sandbox.limits import Limits
from members.sandbox.pool import Pool

NAME = "Image Service"
CAPABILITIES = [
    "image_info", "image_resize", "image_crop", "image_convert", "image_thumbnail", "image_compare", "image_redact",
    "contact_sheet",
]  # fmt: skip


def build(settings: ImageServiceSettings | None = None) -> Member:
    """The member, ready to run. Raises MissingExtra when Pillow, numpy or dhash is not installed."""
    require_modules(NAME, ["PIL", "numpy", "dhash"], extra="image")
    settings = settings or ImageServiceSettings()
    workers = pool(settings)

    @asynccontextmanager
    async def working(_: object) -> AsyncIterator[None]:
        await workers.warm()
        try:
            yield
        finally:
            await workers.close()
            await materials.close()

    member = Member(
        "image_service_fastmcp",
        name=NAME,
        description="Describes, resizes, crops, converts, compares and redacts pictures, and lays them out in sheets",
        version="1.0.0",
        capabilities=CAPABILITIES,
        tags=["image", "media"],
        limit=16,
        lifespan=working,
    )
    materials = Materials(sources(settings), member.peers)
    add_tools(member, Studio(settings, materials, workers), settings)
    return member


def pool(settings: ImageServiceSettings) -> Pool:
    """The workers: as much memory as is allowed, and no file larger than a result."""
    limits = Limits(memory_bytes=settings.worker_memory_bytes, file_bytes=settings.max_result_bytes)
    return Pool("members.image_service.engine", size=settings.workers, limits=limits)


def sources(settings: ImageServiceSettings) -> Sources:
    """Where pictures may come from."""
    return Sources(settings.max_bytes, settings.fetch_timeout_s, settings.urls, settings.allowed_hosts)
