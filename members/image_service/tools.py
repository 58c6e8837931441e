"""The eight tools."""

from __future__ import annotations

from typing import Any, cast

from bus.errors import InvalidArguments
from members import Member, ToolAnnotations
from members.image_service import arguments as given
from members.image_service.delivery import picture_tool
from members.image_service.results import Comparison, ImageInfo, Made, Redacted, Sheet
from members.image_service.settings import ImageServiceSettings
from members.image_service.studio import Studio

READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=True)
STRIPPED: given.Output = {
    "format": None, "quality": None, "lossless": False, "background": "white", "metadata": "strip", "animation": True,
}  # fmt: skip


def add_tools(member: Member, studio: Studio, settings: ImageServiceSettings) -> None:
    """All of them."""
    add_looking(member, studio)
    add_resizing(member, studio)
    add_cutting(member, studio)
    add_converting(member, studio)
    add_composing(member, studio, settings)


def add_looking(member: Member, studio: Studio) -> None:
    """What tells of pictures."""

    @member.tool(title="Describe a picture", annotations=READS)
    async def image_info(image: given.Image, location: bool = False) -> ImageInfo:
        """Tell a picture's format, size, mode, frames, EXIF, colour profile, perceptual hash and main colour. The
        picture is decoded, so a truncated file is an error and not a guess. Where it was taken is told only with
        `location`."""
        return cast(ImageInfo, await studio.work("image_info", [("image", image)], {"location": location}))

    @picture_tool(member, title="Compare two pictures", annotations=READS)
    async def compare(
        image: given.Image,
        other: given.Image,
        *,
        tolerance: given.Tolerance = 0,
        resize: bool = False,
        difference: bool = False,
    ) -> Comparison:
        """Measure how far two pictures differ: share of pixels, errors, structural similarity (SSIM), distance of
        their perceptual hashes. With `resize` the second is brought to the size of the first; without, pictures of
        different sizes have only their hashes compared. With `difference` a picture shows in red where they differ.
        First frames, upright, in sRGB."""
        own = {"tolerance": tolerance, "resize": resize, "difference": difference}
        return cast(Comparison, await studio.work("compare", [("image", image), ("other", other)], own))


def add_resizing(member: Member, studio: Studio) -> None:
    """What changes how large a picture is."""

    @picture_tool(member, title="Resize a picture", annotations=READS)
    async def resize(
        image: given.Image,
        *,
        width: given.Side = None,
        height: given.Side = None,
        fit: given.Fit = "contain",
        upscale: given.Upscale = False,
        filter: given.Filter = "lanczos",
        format: given.SameFormat = None,
        quality: given.Quality = None,
        lossless: given.Lossless = False,
        background: given.Background = "white",
        metadata: given.Metadata = "strip",
        animation: given.Animation = True,
    ) -> Made:
        """Scale a picture to a width, a height or a box, keeping proportions unless `fit` is exact; it never grows
        unless `upscale`. Orientation is applied, metadata stripped, animations stay animated."""
        own = {"width": width, "height": height, "fit": fit, "upscale": upscale, "filter": filter}
        output = written(format, quality, lossless, background=background, metadata=metadata, animation=animation)
        return await made(studio, "resize", image, own | {"output": output})

    @picture_tool(member, title="Make a thumbnail", annotations=READS)
    async def thumbnail(
        image: given.Image,
        *,
        size: given.ThumbnailSide = 256,
        square: given.Square = False,
        format: given.Format = "WEBP",
        quality: given.Quality = None,
        background: given.Background = "white",
    ) -> Made:
        """Make a small still picture for lists: upright, without metadata, the first frame of an animation. It never
        grows. The fast way to look at very large JPEG files, which are decoded at a fraction of their size."""
        output = written(format, quality, False, background=background, metadata="strip", animation=False)
        return await made(studio, "thumbnail", image, {"size": size, "square": square, "output": output})


def add_cutting(member: Member, studio: Studio) -> None:
    """What shows a part of a picture."""

    @picture_tool(member, title="Crop a picture", annotations=READS)
    async def crop(
        image: given.Image,
        *,
        x: given.Left,
        y: given.Top,
        width: given.Length,
        height: given.Length,
        format: given.SameFormat = None,
        quality: given.Quality = None,
        lossless: given.Lossless = False,
        background: given.Background = "white",
        metadata: given.Metadata = "strip",
        animation: given.Animation = True,
    ) -> Made:
        """Cut a box out of a picture. The box counts in pixels of the upright picture and must lie inside it. Metadata
        is stripped, with the thumbnail of the whole picture that it may hold; animations stay animated."""
        output = written(format, quality, lossless, background=background, metadata=metadata, animation=animation)
        return await made(studio, "crop", image, {"box": [x, y, width, height], "output": output})


def add_converting(member: Member, studio: Studio) -> None:
    """What changes the file or destroys parts of it."""

    @picture_tool(member, title="Convert a picture", annotations=READS)
    async def convert(
        image: given.Image,
        *,
        format: given.Format,
        quality: given.Quality = None,
        lossless: given.Lossless = False,
        background: given.Background = "white",
        metadata: given.Metadata = "strip",
        animation: given.Animation = True,
    ) -> Made:
        """Write a picture as PNG, JPEG, WEBP, AVIF, GIF or TIFF. Orientation is applied, colours become sRGB, metadata
        is stripped unless kept, transparency is laid on `background` for JPEG; all frames stay where both formats
        have them. `notes` tells what the format could not hold."""
        output = written(format, quality, lossless, background=background, metadata=metadata, animation=animation)
        return await made(studio, "convert", image, {"output": output})

    @picture_tool(member, title="Redact parts of a picture", annotations=READS)
    async def redact(
        image: given.Image,
        boxes: given.Boxes,
        *,
        method: given.Method = "fill",
        color: given.Colour = "black",
        format: given.SameFormat = None,
        quality: given.Quality = None,
    ) -> Redacted:
        """Destroy areas of a picture, in every frame: their pixels are replaced, and all metadata with its thumbnail
        is gone. `blur` leaves six average colours along a box at most; `fill`, the safe one for text, leaves none.
        A box that lies wholly outside the picture is an error."""
        own = {"boxes": boxes, "method": method, "color": color, "output": written(format, quality, False)}
        return cast(Redacted, await studio.work("redact", [("image", image)], own))


def add_composing(member: Member, studio: Studio, settings: ImageServiceSettings) -> None:
    """What makes one picture of several."""

    @picture_tool(member, title="Make a contact sheet", annotations=READS)
    async def contact_sheet(
        images: given.Images,
        *,
        captions: given.Captions = None,
        columns: given.Columns = None,
        cell: given.Cell = 200,
        format: given.Format = "PNG",
        quality: given.Quality = None,
        background: given.Colour = "white",
    ) -> Sheet:
        """Lay several pictures out in a grid, each fitted into a square cell, with a caption below where captions are
        given. One picture that cannot be read is an error that names it."""
        if len(images) > settings.max_images:
            raise refused("images", f"at most {settings.max_images} pictures, not {len(images)}")
        if captions is not None and len(captions) != len(images):
            raise refused("captions", f"{len(captions)} for {len(images)} pictures: one for each")
        own = {
            "captions": captions or [],
            "columns": columns,
            "cell": cell,
            "output": written(format, quality, False, background=background),
        }
        named = [(f"images[{number}]", image) for number, image in enumerate(images)]
        return cast(Sheet, await studio.work("contact_sheet", named, own))


async def made(studio: Studio, job: str, image: str, own: dict[str, Any]) -> Made:
    """One picture in, one out."""
    return cast(Made, await studio.work(job, [("image", image)], own))


def written(format: str | None, quality: int | None, lossless: bool, **more: Any) -> given.Output:
    """How to write; what is not said is as in `STRIPPED`."""
    told = {**STRIPPED, "format": format, "quality": quality, "lossless": lossless, **more}
    return cast(given.Output, told)


def refused(field: str, problem: str) -> InvalidArguments:
    return InvalidArguments(f"{field}: {problem}", details={"problems": [{"field": field, "problem": problem}]})
