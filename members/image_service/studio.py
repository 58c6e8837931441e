"""One call of a tool from its arguments to its result: pictures are fetched, laid down for a worker, and picked up."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bus.errors import InvalidArguments, TooLarge
from members.image_service.results import PICTURES
from members.image_service.settings import ImageServiceSettings
from members.material import Materials, from_base64, is_uri
from members.sandbox.leaves import federation_errors
from members.sandbox.pool import Pool
from members.sandbox.scratch import scratch

Named = tuple[str, str]
"""The argument a picture came in, and the text that was given."""


class Studio:
    """Where the tools have their work done."""

    def __init__(self, settings: ImageServiceSettings, materials: Materials, workers: Pool) -> None:
        self._settings = settings
        self._materials = materials
        self._workers = workers

    async def work(self, job: str, images: Sequence[Named], arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The job's result; pictures in it have their file in `data`. Raises leaves of `bus.errors`."""
        async with scratch(self._settings.scratch_dir) as folder:
            request = {
                **arguments,
                "sources": await self._laid_down(folder, images),
                "folder": str(folder),
                "limits": self._limits(),
            }
            with federation_errors():
                result = await self._workers.run(job, request, timeout=self._settings.timeout_s)
            return await asyncio.to_thread(picked_up, result, folder)

    async def _laid_down(self, folder: Path, images: Sequence[Named]) -> list[dict[str, str]]:
        """Each picture as a file in the folder. Raises TooLarge for too much of them together."""
        sources, total = [], 0
        limit = max(self._settings.max_sheet_bytes, self._settings.max_bytes * 2)
        for number, (name, text) in enumerate(images):
            content = await self._content(name, text)
            total += len(content)
            if total > limit:
                raise TooLarge(f"{name}: the pictures have more than {limit} bytes together", details={"field": name})
            path = folder / f"source-{number}"
            await asyncio.to_thread(path.write_bytes, content)
            sources.append({"path": str(path), "name": name})
        return sources

    async def _content(self, name: str, text: str) -> bytes:
        """The file that an argument holds or names."""
        if is_uri(text):
            content = (await self._materials.read(text, name)).content
        else:
            content = await asyncio.to_thread(from_base64, text, name, self._settings.max_bytes)
        if not content:
            raise InvalidArguments(f"{name}: empty", details={"problems": [{"field": name, "problem": "empty"}]})
        return content

    def _limits(self) -> dict[str, Any]:
        return self._settings.model_dump(
            include={"formats", "max_pixels", "max_frames", "max_animation_pixels", "max_result_bytes"}
        )


def picked_up(result: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The result with the pictures a worker has written for it."""
    for name in PICTURES:
        if name in result:
            result[name]["data"] = base64.b64encode((folder / name).read_bytes()).decode("ascii")
    return result
