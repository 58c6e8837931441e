"""Which size a picture becomes, and which part of it is shown. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from members.sandbox.refusals import Invalid, TooLarge

Size = tuple[int, int]
Area = tuple[float, float, float, float]
"""Left, top, right, bottom."""
Fit = Literal["contain", "cover", "exact"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a resize comes to: the new size, and the share of the picture it shows (0 to 1 in each direction)."""

    size: Size
    shown: Area = (0.0, 0.0, 1.0, 1.0)

    def part(self, size: Size) -> Area:
        """The part that is shown of a picture decoded to `size`."""
        width, height = size
        left, top, right, bottom = self.shown
        return (left * width, top * height, right * width, bottom * height)

    @property
    def whole(self) -> Size:
        """The size all of the picture would have at this scale."""
        left, top, right, bottom = self.shown
        width, height = self.size
        return (max(1, round(width / (right - left))), max(1, round(height / (bottom - top))))


def planned(size: Size, width: int | None, height: int | None, *, fit: Fit, upscale: bool) -> Plan:
    """The plan for a picture of `size`; a side that is not given follows from the other. Without `upscale` no side
    of the picture grows: the result may then be smaller than asked for. Raises Invalid."""
    if width is None and height is None:
        raise Invalid("width, height: give one of them or both", field="width")
    if width is None or height is None:
        return Plan(contained(size, width, height, upscale))
    if fit == "contain":
        return Plan(contained(size, width, height, upscale))
    if fit == "exact":
        return Plan((width, height) if upscale else (min(width, size[0]), min(height, size[1])))
    return covered(size, (width, height), upscale)


def contained(size: Size, width: int | None, height: int | None, upscale: bool) -> Size:
    """The largest size of the same proportions inside the box."""
    scales = [wanted / own for wanted, own in zip((width, height), size, strict=True) if wanted is not None]
    scale = min(scales) if upscale else min(*scales, 1.0)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


def covered(size: Size, box: Size, upscale: bool) -> Plan:
    """The middle of the picture, as much as fills the box. A box that is too large for it becomes smaller, in its
    proportions."""
    if not upscale:
        shrink = min(1.0, size[0] / box[0], size[1] / box[1])
        box = (max(1, round(box[0] * shrink)), max(1, round(box[1] * shrink)))
    scale = max(box[0] / size[0], box[1] / size[1])
    share_x, share_y = min(1.0, box[0] / (size[0] * scale)), min(1.0, box[1] / (size[1] * scale))
    return Plan(box, ((1 - share_x) / 2, (1 - share_y) / 2, (1 + share_x) / 2, (1 + share_y) / 2))


def inside(size: Size, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """`x, y, width, height` as left, top, right, bottom. Raises Invalid where it leaves the picture."""
    x, y, width, height = box
    if x < 0 or y < 0 or width < 1 or height < 1 or x + width > size[0] or y + height > size[1]:
        raise Invalid(
            f"x, y, width, height: {width} x {height} at {x}, {y} is not inside the picture of {size[0]} x {size[1]}",
            field="x",
        )
    return (x, y, x + width, y + height)


def overlap(size: Size, box: tuple[int, int, int, int], name: str) -> tuple[int, int, int, int]:
    """The part of a box that lies in the picture. Raises Invalid where none does."""
    x, y, width, height = box
    left, top, right, bottom = max(0, x), max(0, y), min(size[0], x + width), min(size[1], y + height)
    if left >= right or top >= bottom:
        raise Invalid(f"{name}: outside the picture of {size[0]} x {size[1]}", field=name)
    return (left, top, right, bottom)


def bounded(size: Size, max_pixels: int) -> Size:
    """The size. Raises TooLarge."""
    if size[0] * size[1] > max_pixels:
        raise TooLarge(f"width, height: {size[0]} x {size[1]} is more than {max_pixels} pixels", max_pixels=max_pixels)
    return size
