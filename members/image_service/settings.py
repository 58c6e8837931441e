"""The limits of the Image Service, with what it costs to move them."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024


class ImageServiceSettings(BaseSettings):
    """Read from `OMEGA_IMAGE_SERVICE_…` in the environment; lists as JSON."""

    model_config = SettingsConfigDict(env_prefix="OMEGA_IMAGE_SERVICE_", extra="ignore")

    formats: tuple[str, ...] = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "ICO")
    """Formats that are tried, by Pillow's names. Each more is a decoder more that strangers can reach; EPS would even
    start another program."""

    max_bytes: int = Field(default=16 * MIB, ge=1024, le=32 * MIB)
    """Size of the file. More is refused."""

    max_pixels: int = Field(default=50_000_000, ge=1)
    """Width times height. More is refused before it is decoded. Times four bytes, it must fit into the worker."""

    max_frames: int = Field(default=10_000, ge=1)
    """Frames that are counted; a file with more is refused."""

    timeout_s: float = Field(default=10, gt=0, le=600)
    """Time for one picture."""

    workers: int = Field(default=2, ge=1, le=64)
    """Pictures at once."""

    worker_memory_bytes: int = Field(default=1024 * MIB, ge=256 * MIB)
    """Address space of one worker; a picture that needs more is refused."""
