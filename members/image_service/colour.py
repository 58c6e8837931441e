"""Colour profiles: what they are called, and how colours described by them become sRGB. Runs in workers only."""

from __future__ import annotations

import io

from PIL import Image, ImageCms, ImageColor

from members.image_service.pixels import Rgb, tell
from members.sandbox.refusals import Invalid

SPACES = {"RGB ": ("RGB", "RGBA"), "CMYK": ("CMYK",)}
"""Which pictures a profile of each kind can be about."""
MAX_NAME = 200


def profile_of(icc: bytes | None) -> ImageCms.ImageCmsProfile | None:
    """A profile that can be read, or None."""
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(icc)) if icc else None
    except (OSError, ValueError, TypeError):
        return None


def profile_name(icc: bytes | None) -> str | None:
    """What a profile calls itself; empty where it does not say, None where there is none that can be read."""
    profile = profile_of(icc)
    if profile is None:
        return None
    try:
        text = ImageCms.getProfileDescription(profile)
    except ImageCms.PyCMSError:
        text = ""
    return "".join(c for c in text.strip() if c.isprintable())[:MAX_NAME]


def is_srgb(icc: bytes | None) -> bool:
    """Whether a profile says that colours are as they are without one."""
    return (profile_name(icc) or "").lower().startswith("srgb")


def in_srgb(image: Image.Image, icc: bytes | None, notes: list[str]) -> Image.Image:
    """The loaded picture with its colours in sRGB; itself where no usable profile says that they are not."""
    if not icc or is_srgb(icc):
        return image
    profile = profile_of(icc)
    if profile is None:
        tell(notes, "the colour profile is damaged and was ignored")
        return image
    if image.mode not in SPACES.get(profile.profile.xcolor_space, ()):
        return image
    try:
        found = converted(image, profile)
    except (ImageCms.PyCMSError, ValueError, OSError):
        tell(notes, "the colour profile is damaged and was ignored")
        return image
    tell(notes, f"colours were converted to sRGB from {profile_name(icc) or 'a profile without a name'}")
    return found


def converted(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """Raises PyCMSError."""
    colours = image.convert("RGB") if image.mode == "RGBA" else image
    found = ImageCms.profileToProfile(colours, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if found is None:
        raise ImageCms.PyCMSError("no picture")
    if image.mode == "RGBA":
        found.putalpha(image.getchannel("A"))
    return found


def rgb(text: str, name: str) -> Rgb:
    """Red, green and blue of `#rrggbb` or a CSS colour name. Raises Invalid naming the argument."""
    try:
        red, green, blue, *_ = ImageColor.getrgb(text)
    except ValueError:
        raise Invalid(f"{name}: #rrggbb or a colour's name, not {text[:40]!r}", field=name) from None
    return (red, green, blue)
