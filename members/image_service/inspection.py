"""One look at a picture with Pillow. Runs in workers only."""

from __future__ import annotations

import base64
import io
import struct
import warnings
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, UnidentifiedImageError

from members.sandbox.refusals import Failed, Invalid, TooLarge
from members.sandbox.worker import Report

ORIENTATION, GPS = 0x0112, 0x8825
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
"""What Pillow's decoders raise on a file that is not sound."""


def image_info(arguments: Mapping[str, Any], _: Report) -> dict[str, Any]:
    """The job: the file in base64, `formats`, `max_pixels` and `max_frames` in; what the picture is out."""
    content = base64.b64decode(arguments["content"])
    Image.MAX_IMAGE_PIXELS = arguments["max_pixels"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return looked_at(content, arguments["formats"], arguments["max_frames"])
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            limit = arguments["max_pixels"]
            raise TooLarge(f"the picture has more than {limit} pixels", max_pixels=limit) from None
        except UnidentifiedImageError:
            known = ", ".join(arguments["formats"])
            raise Invalid(f"image_base64 is no picture in a format that is read here: {known}") from None
        except DAMAGE:
            raise Failed("the picture is truncated or damaged", reason="damaged") from None


def looked_at(content: bytes, formats: Sequence[str], max_frames: int) -> dict[str, Any]:
    """Open, read what is said about the picture, then decode the first frame to see that it is really there."""
    with Image.open(io.BytesIO(content), formats=tuple(formats)) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > max_frames:
            raise TooLarge(f"the picture has more than {max_frames} frames", max_frames=max_frames)
        exif = image.getexif()
        facts = {
            "format": image.format or "",
            "mime_type": Image.MIME.get(image.format or "", "application/octet-stream"),
            "width": image.width,
            "height": image.height,
            "mode": image.mode,
            "frames": frames,
            "size_bytes": len(content),
            "has_alpha": image.has_transparency_data,
            "has_exif": len(exif) > 0,
            "has_location": GPS in exif,
            "has_icc_profile": bool(image.info.get("icc_profile")),
            "orientation": orientation(exif),
        }
        image.load()
        return facts


def orientation(exif: Mapping[int, Any]) -> int:
    """EXIF's number from 1 (as it is) to 8; 1 where it says nothing sensible."""
    value = exif.get(ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


JOBS = {"image_info": image_info}
