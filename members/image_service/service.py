"""The Image Service as a member: one tool."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, cast

from pydantic import Field
from typing_extensions import TypedDict

from members import Member, ToolAnnotations
from members.image_service.picture import picture_bytes
from members.image_service.settings import ImageServiceSettings
from members.sandbox.extras import require_modules
from members.sandbox.leaves import federation_errors
from members.sandbox.limits import Limits
from members.sandbox.pool import Pool

NAME = "Image Service"
READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

Picture = Annotated[str, Field(description="The picture file in base64; a data URL is taken too.")]


class ImageInfo(TypedDict):
    """What a picture file is. `orientation` is EXIF's number, 1 = as it is; `has_location` only tells that the file
    says where it was taken, never where."""

    format: str
    mime_type: str
    width: int
    height: int
    mode: str
    frames: int
    size_bytes: int
    has_alpha: bool
    has_exif: bool
    has_location: bool
    has_icc_profile: bool
    orientation: int


def build(settings: ImageServiceSettings | None = None) -> Member:
    """The member, ready to run. Raises MissingExtra when Pillow is not installed."""
    require_modules(NAME, ["PIL"], extra="image")
    settings = settings or ImageServiceSettings()
    limits = Limits(memory_bytes=settings.worker_memory_bytes, file_bytes=0)
    workers = Pool("members.image_service.inspection", size=settings.workers, limits=limits)

    @asynccontextmanager
    async def working(_: object) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await workers.close()

    member = Member(
        "image_service_fastmcp",
        name=NAME,
        description="Tells what is in a picture file",
        version="1.0.0",
        capabilities=["image_info"],
        tags=["image", "media"],
        lifespan=working,
    )
    add_tools(member, workers, settings)
    return member


def add_tools(member: Member, workers: Pool, settings: ImageServiceSettings) -> None:
    """The one tool."""

    @member.tool(title="Describe a picture", annotations=READS)
    async def image_info(image_base64: Picture) -> ImageInfo:
        """Tell a picture's format, size in pixels and bytes, mode, frames, and what it carries. The first frame is
        decoded, so a truncated file is an error and not a guess. Where it was taken is never told."""
        with federation_errors():
            content = picture_bytes(image_base64, settings.max_bytes)
            arguments = {
                "content": base64.b64encode(content).decode("ascii"),
                "formats": settings.formats,
                "max_pixels": settings.max_pixels,
                "max_frames": settings.max_frames,
            }
            return cast(ImageInfo, await workers.run("image_info", arguments, timeout=settings.timeout_s))
