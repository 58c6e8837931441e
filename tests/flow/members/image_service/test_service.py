"""What the service does under load, with large pictures, and when its workers die."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from bus import BusSettings, CallOptions, Federation
from bus.errors import Busy, TooLarge, ToolError
from gateway import Gateway
from members import Member
from members.image_service.service import build
from members.image_service.settings import MIB, ImageServiceSettings
from members.sandbox.extras import MissingExtra
from tests.flow.members.image_service.conftest import ID, file, opened, text, three_ways
from tests.support.federation import running_member
from tests.support.nats import until

PATIENT = CallOptions(timeout=50)


def workers() -> list[psutil.Process]:
    """The worker processes of this test."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # a zombie has no command line
            found += [child] if "members.image_service.engine" in child.cmdline() else []
    return found


async def resized(images: Federation, content: bytes, **more: Any) -> Any:
    return await images.call(ID, "resize", {"image": text(content), "width": 30, **more}, PATIENT)


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))


# workers that die ---------------------------------------------------------------------------------------------------


async def test_an_idle_worker_that_was_killed_is_replaced(images: Federation) -> None:
    await resized(images, file())
    (worker,) = workers()
    worker.kill()
    assert (await resized(images, file()))["image"]["width"] == 30
    assert [one.pid for one in workers()] != [worker.pid]


async def test_workers_killed_at_work_are_a_clear_error_and_the_next_call_is_served(images: Federation) -> None:
    await resized(images, file())
    calling = asyncio.create_task(images.call(ID, "convert", SLOW, PATIENT))
    killed: set[int] = set()
    async with asyncio.timeout(20):
        while not calling.done():  # the first that dies is replaced without a word, the second is the answer
            for worker in workers():
                if worker.pid not in killed:
                    worker.kill()
                    killed.add(worker.pid)
            await asyncio.sleep(0.01)
    with pytest.raises(ToolError, match="could not cope with this input"):
        await calling
    assert len(killed) == 2
    assert (await resized(images, file()))["image"]["width"] == 30


SLOW = {"image": text(file(Image.effect_noise((600, 600), 99), "JPEG", quality=20)), "format": "AVIF", "quality": 100}


# limits -------------------------------------------------------------------------------------------------------------


WIDE = Image.new("L", (9000, 9000))


async def test_a_picture_that_needs_more_memory_than_a_worker_has_is_refused(
    federation: Federation, settings: BusSettings
) -> None:
    small = ImageServiceSettings(worker_memory_bytes=384 * MIB, max_pixels=100_000_000)
    async with running_member(build(small), settings):
        for wide in (file(WIDE), file(WIDE, "JPEG", progressive=True), file(WIDE.crop((0, 0, 9000, 3000)), "WEBP")):
            with pytest.raises(TooLarge, match="needs more memory"):
                await federation.call(ID, "image_info", {"image": text(wide)}, PATIENT)
        readable = {"image": text(file(WIDE.crop((0, 0, 4000, 3000)))), "format": "AVIF"}
        with pytest.raises(TooLarge, match="format: writing AVIF of this size needs more memory"):
            await federation.call(ID, "convert", readable, PATIENT)
        assert (await resized(federation, file()))["image"]["width"] == 30


async def test_a_job_that_takes_too_long_is_ended_and_the_next_is_served(
    federation: Federation, settings: BusSettings
) -> None:
    hasty = ImageServiceSettings(timeout_s=0.8, workers=1)
    async with running_member(build(hasty), settings):
        content = file(Image.effect_noise((2500, 2500), 90), "JPEG", quality=50)
        with pytest.raises(ToolError, match=r"not done within the limit of 0.8 s"):
            await federation.call(ID, "convert", {"image": text(content), "format": "AVIF", "quality": 85}, PATIENT)
        await until(lambda: not workers())
        async with asyncio.timeout(20):
            while True:
                try:
                    assert (await resized(federation, file()))["image"]["width"] == 30
                    break
                except (ToolError, Busy):  # a busy machine may start a new worker more slowly than this limit
                    continue


async def test_a_result_above_the_limit_is_refused(federation: Federation, settings: BusSettings) -> None:
    async with running_member(build(ImageServiceSettings(max_result_bytes=50_000)), settings):
        with pytest.raises(TooLarge, match="limit of 50000: ask for a smaller size"):
            await federation.call(ID, "convert", {"image": text(file(noise(300, 300))), "format": "TIFF"}, PATIENT)


async def test_nothing_is_left_in_the_scratch_directory(
    federation: Federation, settings: BusSettings, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    async with running_member(build(ImageServiceSettings(scratch_dir=scratch)), settings):
        await resized(federation, file())
        with pytest.raises(ToolError):
            await resized(federation, file(noise(50, 50))[:2000])
        assert list(scratch.iterdir()) == []


async def test_no_worker_outlives_the_service(federation: Federation, settings: BusSettings) -> None:
    async with running_member(build(ImageServiceSettings()), settings):
        await asyncio.gather(*(resized(federation, file()) for _ in range(4)))
        assert workers()
    await until(lambda: not workers())


# large pictures -----------------------------------------------------------------------------------------------------


@pytest.fixture
def own(request: pytest.FixtureRequest) -> ImageServiceSettings:
    """Limits as they come, where a test is about large pictures."""
    if "large" in request.node.name:
        return ImageServiceSettings(workers=1)
    return ImageServiceSettings(max_pixels=1_000_000, max_bytes=200_000, workers=1)


async def test_a_large_picture_goes_in_and_out_on_all_three_ways(images: Federation, gateway: Gateway) -> None:
    content = file(noise(1500, 1300))
    assert 5 * MIB < len(content) < 12 * MIB
    async with three_ways(images, gateway) as ways:
        for way, call in ways.items():
            answer = await call("convert", {"image": text(content), "format": "TIFF"})
            assert answer.result is not None, f"{way}: {answer.words}"
            assert answer.result["image"]["size_bytes"] > 5 * MIB
            assert (np.asarray(opened(answer.result)) == np.asarray(noise(1500, 1300))).all()


async def test_a_large_result_in_the_reach_of_the_bus_passes(images: Federation) -> None:
    jpeg = file(noise(2350, 1700), "JPEG", quality=90)
    result = await images.call(ID, "convert", {"image": text(jpeg), "format": "TIFF"}, PATIENT)
    assert 11 * MIB < result["image"]["size_bytes"] < 12_000_000
    wider = file(noise(2500, 1700), "JPEG", quality=90)
    with pytest.raises(TooLarge, match="above the limit of 12000000: ask for a smaller size"):
        await images.call(ID, "convert", {"image": text(wider), "format": "TIFF"}, PATIENT)


async def test_a_hundred_megapixels_become_a_thumbnail_within_the_memory_of_a_worker(
    federation: Federation, settings: BusSettings
) -> None:
    wide = Image.new("RGB", (10_000, 10_000), (10, 120, 200))
    async with running_member(build(ImageServiceSettings(workers=1)), settings):
        jpeg = text(file(wide, "JPEG"))
        with pytest.raises(TooLarge, match="image: the picture has more than 50000000 pixels"):
            await federation.call(ID, "thumbnail", {"image": jpeg}, PATIENT)
    async with running_member(build(ImageServiceSettings(workers=1, max_pixels=100_000_000)), settings):
        result = await federation.call(ID, "thumbnail", {"image": jpeg, "format": "PNG"}, PATIENT)
        assert (result["image"]["width"], result["source"]["width"]) == (256, 10_000)
        whole = await federation.call(ID, "image_info", {"image": jpeg}, PATIENT)
        assert (whole["width"], whole["mode"], len(whole["dhash"])) == (10_000, "RGB", 32)
        assert workers()[0].memory_info().rss < ImageServiceSettings().worker_memory_bytes


# pictures of other members ------------------------------------------------------------------------------------------


async def test_a_picture_of_another_member_is_read_over_the_bus(images: Federation, settings: BusSettings) -> None:
    camera = Member("camera", name="Camera")
    shot = file(Image.new("RGB", (50, 20), "blue"))

    @camera.mcp.resource("shot://last", mime_type="image/png")  # type: ignore[untyped-decorator]  # of the SDK
    def last() -> bytes:
        return shot

    async with running_member(camera, settings):
        arguments = {"images": ["omega://member/camera/shot://last", text()], "captions": ["there", "here"]}
        result = await images.call(ID, "contact_sheet", arguments, PATIENT)
        info = await images.call(ID, "image_info", {"image": "omega://member/camera/shot://last"}, PATIENT)
    assert (result["pictures"], info["width"], info["dominant_color"]) == (2, 50, "#0000ff")


@pytest.mark.parametrize("module", ["PIL", "numpy", "dhash"])
def test_what_is_missing_is_told_when_the_member_is_built(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"Image Service needs {module}: install omega-federation\[image\]"):
        build()
