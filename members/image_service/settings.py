"""The limits of the Image Service, with what it costs to move them."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024


class ImageServiceSettings(BaseSettings):
    """Read from `OMEGA_IMAGE_SERVICE_…` in the environment; lists as JSON."""

    model_config = SettingsConfigDict(env_prefix="OMEGA_IMAGE_SERVICE_", extra="ignore")

    # what is read ---------------------------------------------------------------------------------------------

    formats: tuple[str, ...] = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "ICO")
    """Formats that are tried, by Pillow's names. Each more is a decoder more that strangers can reach; EPS would even
    start another program."""

    urls: bool = True
    """False refuses pictures by URL; inline ones and resources of other members are still read."""

    allowed_hosts: tuple[str, ...] = ()
    """Hosts, or `host:port`, that pictures are fetched from whatever their address is, also over http. Each entry is
    a hole in the guard against requests into that network, so name the port."""

    fetch_timeout_s: float = Field(default=15, gt=0, le=300)
    """Time for one URL or one resource of another member, from the first byte to the last."""

    max_bytes: int = Field(default=16 * MIB, ge=1024, le=256 * MIB)
    """Size of one file. More is refused. Inline pictures meet the bus's own limit first: arguments of 16 MiB are
    files of about 12 MiB, for base64 adds a third."""

    max_images: int = Field(default=64, ge=1, le=1000)
    """Pictures in one contact sheet."""

    max_sheet_bytes: int = Field(default=64 * MIB, ge=1024)
    """Sum of the files of one contact sheet; they lie in the scratch directory together."""

    # what is decoded ------------------------------------------------------------------------------------------

    max_pixels: int = Field(default=50_000_000, ge=1)
    """Width times height, of what is read and of what is made. More is refused before it is decoded. A picture takes
    four bytes a pixel and most tools hold it two or three times, so raise `worker_memory_bytes` with it."""

    max_animation_pixels: int = Field(default=50_000_000, ge=1)
    """Width times height times frames where every frame is worked on: the bound on memory and time of animations."""

    max_frames: int = Field(default=10_000, ge=1)
    """Frames that are counted; a file with more is refused."""

    # what goes out --------------------------------------------------------------------------------------------

    max_result_bytes: int = Field(default=12_000_000, ge=1024, le=256 * MIB)
    """Size of the picture file in a reply. A larger one is refused with advice; a value above three quarters of
    `OMEGA_MEMBER_MAX_BODY_BYTES` only moves the refusal to the bus, which gives none."""

    # what it may use ------------------------------------------------------------------------------------------

    timeout_s: float = Field(default=25, gt=0, le=600)
    """Time for one job, and as much again for the wait for a free worker. AVIF is the slow one: count on 2 s for ten
    million pixels. A caller's own deadline, 30 s by default, should be longer."""

    workers: int = Field(default=2, ge=1, le=64)
    """Pictures worked on at once, each in a process of its own."""

    worker_memory_bytes: int = Field(default=1536 * MIB, ge=384 * MIB)
    """Address space of one worker; a picture that needs more is refused, and the machine is not brought down. The
    libraries themselves take 150 MiB of it. AVIF is written with 34 bytes a pixel, WebP with 14, and more than twice
    that for transparency or without loss; the others need little besides the picture."""

    scratch_dir: Path | None = None
    """Where pictures lie between the service and its workers, for the time of a call; the system's temporary
    directory when not set. A file system in memory saves milliseconds."""
