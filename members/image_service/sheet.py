"""Several pictures in a grid, with a caption under each. Runs in workers only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from members.image_service.pixels import Rgb
from members.image_service.shape import Size

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
GAP = 8
FONT_SIZE = 14
CAPTION_HEIGHT = 22


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the cells are."""

    columns: int
    rows: int
    cell: int
    """Side of the square a picture is fitted into."""
    captioned: bool

    @property
    def step(self) -> Size:
        return (self.cell + GAP, self.cell + GAP + (CAPTION_HEIGHT if self.captioned else 0))

    @property
    def size(self) -> Size:
        return (self.columns * self.step[0] + GAP, self.rows * self.step[1] + GAP)

    def corner(self, number: int) -> tuple[int, int]:
        """Left and top of a cell."""
        row, column = divmod(number, self.columns)
        return (GAP + column * self.step[0], GAP + row * self.step[1])


def grid(pictures: int, columns: int | None, cell: int, *, captioned: bool) -> Grid:
    """A grid for so many pictures: as wide as asked, else about square."""
    across = min(pictures, columns or -int(-(pictures**0.5) // 1))
    return Grid(across, -(-pictures // across), cell, captioned)


class Sheet:
    """A sheet that is being filled."""

    def __init__(self, plan: Grid, background: Rgb) -> None:
        self.plan = plan
        self.image = Image.new("RGB", plan.size, background)
        light = sum(background) > 382
        self._ink: Rgb = (0, 0, 0) if light else (255, 255, 255)

    def put(self, number: int, picture: Image.Image, caption: str) -> None:
        """Place a picture that fits into its cell, in the middle of it."""
        left, top = self.plan.corner(number)
        place = (left + (self.plan.cell - picture.width) // 2, top + (self.plan.cell - picture.height) // 2)
        whole = picture.convert("RGBA")
        self.image.paste(whole, place, whole)
        if caption:
            self._write(caption, left, top + self.plan.cell + 3)

    def _write(self, caption: str, left: int, top: int) -> None:
        text = fitted(caption, self.plan.cell)
        draw, wide = ImageDraw.Draw(self.image), font().getlength(text)
        draw.text((left + max(0, (self.plan.cell - wide) // 2), top), text, fill=self._ink, font=font())


@cache
def font() -> Font:
    """The one that Pillow carries: Latin letters."""
    return ImageFont.load_default(FONT_SIZE)


def fitted(caption: str, width: int) -> str:
    """The caption on one line, cut where the cell ends."""
    text = " ".join(caption.split())
    if font().getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font().getlength(text[:middle] + "…") <= width else (low, middle - 1)
    return text[:low] + "…"


def unwritable(captions: Sequence[str]) -> bool:
    """Whether a caption has characters the font most likely lacks."""
    return any(ord(c) > 0x24F and c not in "–—‘’“”…€™" for caption in captions for c in caption)
