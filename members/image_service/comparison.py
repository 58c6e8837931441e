"""How far two pictures differ: pixel by pixel, and to the eye. Runs in workers only.

SSIM is the structural similarity of Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image quality
assessment: from error visibility to structural similarity", IEEE Transactions on Image Processing 13(4), 2004,
pages 600-612: on luminance, with their 11 x 11 Gaussian window of standard deviation 1.5, K1 = 0.01 and K2 = 0.03,
averaged over every place where the window lies wholly in the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from members.image_service.pixels import band, bands, flattened

Array = NDArray[np.float32]

WINDOW, SIGMA = 11, 1.5
C1, C2 = np.float32((0.01 * 255) ** 2), np.float32((0.03 * 255) ** 2)
WHITE = (255, 255, 255)


@dataclass(slots=True)
class Tally:
    """What is added up over the bands."""

    different: int = 0
    absolute: float = 0.0
    squared: float = 0.0
    largest: int = 0


def pixel_differences(one: Image.Image, other: Image.Image, tolerance: int) -> dict[str, Any]:
    """Of two RGBA pictures of one size: colours count as much as they are opaque."""
    tally, box = Tally(), None
    for top, bottom in bands(one.size):
        apart = distance(one, other, top, bottom)
        count(tally, apart, tolerance)
        box = union(box, where(apart, tolerance, top))
    pixels = one.width * one.height
    mean_square = tally.squared / pixels / 4
    return {
        "different_pixels": tally.different,
        "different_share": tally.different / pixels,
        "different_box": box,
        "max_error": tally.largest,
        "mean_absolute_error": tally.absolute / pixels / 4,
        "root_mean_square_error": math.sqrt(mean_square),
        "psnr_db": 10 * math.log10(255**2 / mean_square) if mean_square else None,
    }


def distance(one: Image.Image, other: Image.Image, top: int, bottom: int) -> NDArray[np.uint8]:
    """Difference of each channel, colours multiplied by their opacity."""
    area = (0, top, one.width, bottom)
    return np.asarray(ImageChops.difference(one.crop(area).convert("RGBa"), other.crop(area).convert("RGBa")))


def count(tally: Tally, apart: NDArray[np.uint8], tolerance: int) -> None:
    """Add one band."""
    tally.different += int(np.count_nonzero(apart.max(axis=2) > tolerance))
    tally.absolute += float(apart.sum(dtype=np.float64))
    tally.squared += float(np.square(apart, dtype=np.float32).sum(dtype=np.float64))
    tally.largest = max(tally.largest, int(apart.max()))


def where(apart: NDArray[np.uint8], tolerance: int, top: int) -> dict[str, int] | None:
    """The smallest box around what differs in a band that begins at row `top`."""
    differs = apart.max(axis=2) > tolerance
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not rows.size:
        return None
    x, y = int(columns[0]), int(rows[0])
    return {"x": x, "y": y + top, "width": int(columns[-1]) - x + 1, "height": int(rows[-1]) - y + 1}


def union(one: dict[str, int] | None, other: dict[str, int] | None) -> dict[str, int] | None:
    """The smallest box around two."""
    if one is None or other is None:
        return one or other
    x, y = min(one["x"], other["x"]), min(one["y"], other["y"])
    right = max(one["x"] + one["width"], other["x"] + other["width"])
    bottom = max(one["y"] + one["height"], other["y"] + other["height"])
    return {"x": x, "y": y, "width": right - x, "height": bottom - y}


def ssim(one: Image.Image, other: Image.Image) -> float:
    """Mean structural similarity of two pictures of one size, laid on white; 1 = the same. A picture with a side
    below 11 pixels gets a window that fits into it."""
    grey_one, grey_other = (flattened(image, WHITE).convert("L") for image in (one, other))
    window = gaussian(min(WINDOW, *one.size))
    margin, total, places = len(window) - 1, 0.0, 0
    for top, bottom in bands((one.width, one.height - margin)):
        rows = [band(grey, top, bottom + margin).astype(np.float32) for grey in (grey_one, grey_other)]
        found = similarity(rows[0], rows[1], window)
        total, places = total + float(found.sum(dtype=np.float64)), places + found.size
    return total / places


def gaussian(size: int) -> Array:
    """Weights of one direction, adding up to 1; an even size is taken one smaller."""
    reach = (size - 1) // 2
    weights = np.exp(-np.square(np.arange(-reach, reach + 1)) / (2 * SIGMA**2))
    found: Array = (weights / weights.sum()).astype(np.float32)
    return found


def similarity(x: Array, y: Array, window: Array) -> Array:
    """Equation 13 of the paper at every place."""
    mean_x, mean_y = smooth(x, window), smooth(y, window)
    variance = smooth(x * x + y * y, window) - mean_x * mean_x - mean_y * mean_y
    covariance = smooth(x * y, window) - mean_x * mean_y
    above = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    found: Array = above / ((mean_x * mean_x + mean_y * mean_y + C1) * (variance + C2))
    return found


def smooth(values: Array, window: Array) -> Array:
    """The weighted mean around every place where the window fits."""
    size = len(window)
    height, width = values.shape
    rows = sum_of(values[n : height - size + 1 + n] * window[n] for n in range(size))
    return sum_of(rows[:, n : width - size + 1 + n] * window[n] for n in range(size))


def sum_of(parts: Any) -> Array:
    """One array at a time: memory for two of them."""
    found: Array = next(parts)
    for part in parts:
        found += part
    return found


def difference_picture(one: Image.Image, other: Image.Image, tolerance: int) -> Image.Image:
    """The first picture in pale grey, and red where they differ: the further apart, the stronger."""
    pale = flattened(one, WHITE).convert("L").point(lambda value: 160 + value * 95 // 255).convert("RGB")
    for top, bottom in bands(one.size):
        apart = distance(one, other, top, bottom).max(axis=2)
        strength = np.where(apart > tolerance, 96 + apart // 2 + apart // 8, 0).astype(np.uint8)
        pale.paste((220, 0, 0), (0, top), Image.fromarray(strength))
    return pale
