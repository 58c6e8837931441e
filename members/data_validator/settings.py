"""The limits of the Data Validator, with what it costs to move them."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024


class DataValidatorSettings(BaseSettings):
    """Read from `OMEGA_DATA_VALIDATOR_…` in the environment."""

    model_config = SettingsConfigDict(env_prefix="OMEGA_DATA_VALIDATOR_", extra="ignore")

    max_bytes: int = Field(default=8 * MIB, ge=1024, le=32 * MIB)
    """Size of schema and data together, as JSON. More is refused."""

    max_depth: int = Field(default=128, ge=1, le=512)
    """Levels of lists and objects inside each other, in schema and in data. More is refused: validators recurse."""

    max_errors: int = Field(default=1000, ge=1, le=10_000)
    """Errors in one reply; the rest is told by `more_errors` only."""

    timeout_s: float = Field(default=10, gt=0, le=600)
    """Time for one validation. A schema can be written so that it takes for ever on any data."""

    workers: int = Field(default=2, ge=1, le=64)
    """Validations at once."""

    worker_memory_bytes: int = Field(default=1024 * MIB, ge=256 * MIB)
    """Address space of one worker."""
