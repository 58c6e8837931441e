"""The jobs of a worker: picture files in its folder in, facts out, and a picture file beside them where one is made.

Every job's arguments are `sources` (path and argument name of each picture), `folder` (where to write), `limits`,
`output` (how to write) and its own. Files and not the pipe carry pictures: ten megabytes cross in a few milliseconds
and never through the event loop of the service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from members.image_service.colour import rgb
from members.image_service.comparison import WHITE, difference_picture, pixel_differences, ssim
from members.image_service.inspection import described, fingerprint, hash_distance
from members.image_service.making import Order, chosen, ordered, product, stored
from members.image_service.pixels import SIXTEEN, eight_bits, flattened, in_mode, tell
from members.image_service.reading import Limits, Source, first, opened
from members.image_service.redaction import Redaction, areas, redacted
from members.image_service.shape import Plan, bounded, inside, planned
from members.image_service.sheet import Sheet, grid, unwritable
from members.image_service.writing import Choice, Film, checked, encoded
from members.sandbox.worker import Report

Arguments = Mapping[str, Any]

UNMEASURED = (
    "different_pixels", "different_share", "different_box", "max_error", "mean_absolute_error",
    "root_mean_square_error", "psnr_db", "ssim",
)  # fmt: skip
"""What can only be told of two pictures of one size."""


def image_info(arguments: Arguments, _: Report) -> dict[str, Any]:
    """`location`: whether to tell where the picture was taken."""
    order = ordered(arguments)
    return described(order.sources[0], order.limits, location=arguments["location"])


def resize(arguments: Arguments, _: Report) -> dict[str, Any]:
    """`width`, `height` (None: it follows), `fit`, `upscale`, `filter`."""
    order, notes = ordered(arguments), list[str]()
    with opened(order.sources[0], order.limits) as file:
        plan = planned(
            file.size, arguments["width"], arguments["height"], fit=arguments["fit"], upscale=arguments["upscale"]
        )
        change = scaling(plan, arguments["filter"])
        return product(file, order, change, size=plan.size, enough=plan.whole, notes=notes)


def thumbnail(arguments: Arguments, _: Report) -> dict[str, Any]:
    """`size`, `square`: as resize, of the first frame alone."""
    side = arguments["size"]
    fit = "cover" if arguments["square"] else "contain"
    own = {"width": side, "height": side, "fit": fit, "upscale": False, "filter": "lanczos"}
    return resize({**arguments, **own}, _)


def scaling(plan: Plan, filter: str) -> Callable[[Image.Image], Image.Image]:
    """The change that a plan is."""
    how = Image.Resampling[filter.upper()]

    def scaled(picture: Image.Image) -> Image.Image:
        if plan.size == picture.size:
            return picture
        gap = None if picture.mode == SIXTEEN or filter == "nearest" else 3.0  # a first rough step, four times faster
        return picture.resize(plan.size, how, box=plan.part(picture.size), reducing_gap=gap)

    return scaled


def crop(arguments: Arguments, _: Report) -> dict[str, Any]:
    """`box`: x, y, width, height."""
    order = ordered(arguments)
    with opened(order.sources[0], order.limits) as file:
        area = inside(file.size, tuple(arguments["box"]))
        size = (area[2] - area[0], area[3] - area[1])
        return product(file, order, lambda picture: picture.crop(area), size=size, notes=[])


def convert(arguments: Arguments, _: Report) -> dict[str, Any]:
    """Nothing of its own: `output` says all."""
    order = ordered(arguments)
    with opened(order.sources[0], order.limits) as file:
        return product(file, order, lambda picture: picture, size=file.size, notes=[])


def redact(arguments: Arguments, _: Report) -> dict[str, Any]:
    """`boxes` (x, y, width, height), `method`, `color`."""
    order, notes = ordered(arguments), list[str]()
    with opened(order.sources[0], order.limits) as file:
        boxes = areas(arguments["boxes"], file.size, arguments["method"])
        work = Redaction(boxes, arguments["method"], rgb(arguments["color"], "color"))
        done = product(
            file,
            order,
            lambda picture: redacted(eight_bits(picture, notes), work),
            size=file.size,
            notes=notes,
        )
        return done | {"redacted": [box_of(area) for area in boxes]}


def box_of(area: tuple[int, int, int, int]) -> dict[str, int]:
    left, top, right, bottom = area
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def compare(arguments: Arguments, _: Report) -> dict[str, Any]:
    """`tolerance`, `resize` (the second to the size of the first), `difference` (make a picture of it)."""
    order, notes = ordered(arguments), list[str]()
    (one, size, hash_one), (other, size_other, hash_other) = (
        seen(source, order.limits, notes) for source in order.sources
    )
    if arguments["resize"] and size != size_other:
        tell(notes, f"the second picture was resized from {other.width} x {other.height}")
        other = other.resize(one.size, Image.Resampling.LANCZOS)
    found: dict[str, Any] = {
        "same_file": len({Path(source.path).read_bytes() for source in order.sources}) == 1,
        "same_size": size == size_other,
        "hash_distance": hash_distance(hash_one, hash_other),
    }
    if one.size != other.size:
        return found | dict.fromkeys(UNMEASURED) | {"notes": [*notes, "the sizes differ: pixels were not compared"]}
    found |= pixel_differences(one, other, arguments["tolerance"]) | {"ssim": ssim(one, other), "notes": notes}
    if arguments["difference"]:
        picture = difference_picture(one, other, arguments["tolerance"])
        found["difference"] = stored(encoded(Film([picture]), Choice("PNG"), notes), order, "difference")
    return found


def seen(source: Source, limits: Limits, notes: list[str]) -> tuple[Image.Image, tuple[int, int], str]:
    """The first frame as it is compared, its size, its hash."""
    with opened(source, limits) as file:
        if file.frames > 1:
            tell(notes, f"{source.name}: only the first of {file.frames} frames was compared")
        picture = eight_bits(first(file, notes), notes)
    return in_mode(picture, "RGBA"), picture.size, fingerprint(flattened(picture, WHITE))


def contact_sheet(arguments: Arguments, _: Report) -> dict[str, Any]:
    """`captions` (empty: none), `columns` (None: about square), `cell`."""
    order, notes = ordered(arguments), list[str]()
    captions: Sequence[str] = arguments["captions"]
    choice = chosen(order.output, None, notes)
    plan = grid(len(order.sources), arguments["columns"], arguments["cell"], captioned=bool(captions))
    checked(choice, bounded(plan.size, order.limits.max_pixels))
    if unwritable(captions):
        tell(notes, "captions: some characters are not in the font, which has Latin letters only")
    sheet = Sheet(plan, choice.background)
    for number, source in enumerate(order.sources):
        sheet.put(number, in_cell(source, order, plan.cell), captions[number] if captions else "")
    content = encoded(Film([sheet.image]), choice, notes)
    made = stored(content, order, "image")
    return {"image": made, "pictures": len(order.sources), "columns": plan.columns, "rows": plan.rows, "notes": notes}


def in_cell(source: Source, order: Order, cell: int) -> Image.Image:
    """The first frame, small enough for its cell."""
    with opened(source, order.limits) as file:
        plan = planned(file.size, cell, cell, fit="contain", upscale=False)
        picture = first(file, [], at_least=plan.size)
        return scaling(plan, "lanczos")(eight_bits(picture, []))


JOBS = {
    "image_info": image_info,
    "resize": resize,
    "thumbnail": thumbnail,
    "crop": crop,
    "convert": convert,
    "redact": redact,
    "compare": compare,
    "contact_sheet": contact_sheet,
}
