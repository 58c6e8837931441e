"""The limits of the Data Validator, with what it costs to move them."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from members.material import Sources
from members.sandbox.limits import Limits

MIB = 1024 * 1024


class DataValidatorSettings(BaseSettings):
    """Read from `OMEGA_DATA_VALIDATOR_…` in the environment; lists as JSON."""

    model_config = SettingsConfigDict(env_prefix="OMEGA_DATA_VALIDATOR_", extra="ignore")

    # JSON -----------------------------------------------------------------------------------------------------

    max_bytes: int = Field(default=8 * MIB, ge=1024, le=32 * MIB)
    """Size of everything in one JSON call together, as JSON. More is refused."""

    max_depth: int = Field(default=128, ge=1, le=512)
    """Levels of lists and objects inside each other, in schema and in data. More is refused: validators recurse."""

    max_errors: int = Field(default=1000, ge=1, le=10_000)
    """Errors in one reply; the rest is told by `more_errors` only."""

    timeout_s: float = Field(default=10, gt=0, le=600)
    """Time for one validation. A schema can be written so that it takes for ever on any data."""

    workers: int = Field(default=2, ge=1, le=64)
    """JSON calls at once."""

    worker_memory_bytes: int = Field(default=1024 * MIB, ge=256 * MIB)
    """Address space of one worker for JSON."""

    # tables ---------------------------------------------------------------------------------------------------

    allow_urls: bool = True
    """False takes tables only inline and from other members: nothing is fetched from the network."""

    allowed_hosts: tuple[str, ...] = ()
    """Hosts, or `host:port`, that tables are fetched from whatever their address is, also over http. Each entry is a
    hole in the guard against requests into that network, so name the port."""

    fetch_timeout_s: float = Field(default=30, gt=0, le=600)
    """Time for fetching one table."""

    table_max_bytes: int = Field(default=64 * MIB, ge=1024, le=1024 * MIB)
    """Size of one table as it comes. Times `table_workers`, several copies of it must fit into memory."""

    table_max_rows: int = Field(default=5_000_000, ge=1)
    """Rows of one table. Compressed formats can hold far more rows than bytes."""

    table_max_columns: int = Field(default=10_000, ge=1, le=20_000)
    """Columns of one table. A wide table needs about 0.2 MB of memory for each of its columns."""

    profile_max_columns: int = Field(default=1000, ge=1, le=10_000)
    """Columns of one table that are profiled or compared, at about 10 ms each and more where there are many rows; of
    a wider table the caller chooses some. Raise `table_timeout_s` with it."""

    workbook_max_cells: int = Field(default=5_000_000, ge=1)
    """Cells of a sheet, counted from its first to its farthest one: an almost empty sheet can claim billions."""

    workbook_max_unpacked_bytes: int = Field(default=512 * MIB, ge=MIB)
    """What a workbook may unpack to, counted while it is unpacked."""

    max_violations: int = Field(default=1000, ge=1, le=10_000)
    """The most examples that a caller may ask for; every violation is counted all the same."""

    table_timeout_s: float = Field(default=120, gt=0, le=3600)
    """Time for the work on one call's tables, after they were fetched. A caller whose own deadline is shorter gets no
    result at all, so raise both together."""

    table_workers: int = Field(default=2, ge=1, le=64)
    """Table calls at once."""

    table_threads: int = Field(default=2, ge=1, le=64)
    """Threads of one table call."""

    table_memory_bytes: int = Field(default=2048 * MIB, ge=64 * MIB)
    """Memory of the database in one worker; what needs more goes to disk, up to `table_spill_bytes`. The worker as a
    whole may take as much again, and 1 GiB, for reading."""

    table_spill_bytes: int = Field(default=1024 * MIB, ge=0)
    """Disk that one table call may take beyond the table itself. 0 ends what does not fit into memory."""

    scratch_dir: Path | None = None
    """Where tables lie while they are worked on; the system's temporary directory when not set."""


def sources(settings: DataValidatorSettings) -> Sources:
    """Where tables may come from."""
    return Sources(
        settings.table_max_bytes, settings.fetch_timeout_s, settings.allow_urls, frozenset(settings.allowed_hosts)
    )


def json_limits(settings: DataValidatorSettings) -> Limits:
    """What a worker for JSON may use."""
    return Limits(memory_bytes=settings.worker_memory_bytes, file_bytes=0)


def table_limits(settings: DataValidatorSettings) -> Limits:
    """What a worker for tables may use."""
    written = max(settings.table_spill_bytes, 4 * settings.table_max_bytes, settings.workbook_max_unpacked_bytes)
    return Limits(memory_bytes=2 * settings.table_memory_bytes + 1024 * MIB, file_bytes=written)


def bounds(settings: DataValidatorSettings) -> dict[str, int]:
    """What an engine is told of the limits, by the names of `members.data_validator.database.Bounds`."""
    return {
        "rows": settings.table_max_rows,
        "columns": settings.table_max_columns,
        "profiled_columns": settings.profile_max_columns,
        "cells": settings.workbook_max_cells,
        "unpacked_bytes": settings.workbook_max_unpacked_bytes,
        "memory_bytes": settings.table_memory_bytes,
        "spill_bytes": settings.table_spill_bytes,
        "threads": settings.table_threads,
    }
