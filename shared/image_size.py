"""How large an image is, by its header alone: told before anything is decoded."""

import io
import re
import struct
from dataclasses import dataclass

import imagesize

from shared.errors import ImageTooLarge, NotAnImage

# The size of an AVIF stands in the boxes before its pixels.
HEADER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """How large an image may be."""

    max_pixels: int = 50_000_000
    max_side_px: int = 20_000
    max_bytes: int = 32 * 1024 * 1024


DEFAULT_LIMITS = ImageLimits()


def read_size(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> tuple[int, int]:
    """Return width and height in pixels as the header says, before or after any rotation.

    Raises:
        NotAnImage: the content is of no image format we know.
        ImageTooLarge: more bytes, pixels or pixels a side than the limits allow.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"{len(data)} bytes, at most {limits.max_bytes} are read")
    width, height = _stated_size(data)
    if width <= 0 or height <= 0:
        raise NotAnImage("the content is no PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF")
    if max(width, height) > limits.max_side_px or width * height > limits.max_pixels:
        raise ImageTooLarge(
            f"{width} x {height} pixels, at most {limits.max_pixels} "
            f"and {limits.max_side_px} a side are read"
        )
    return int(width), int(height)


def _stated_size(data: bytes) -> tuple[int, int]:
    """Return the header's width and height, not positive where there is none that we know."""
    try:
        width, height = imagesize.get(io.BytesIO(data))
    except (ValueError, OSError, struct.error) as error:
        raise NotAnImage(f"the header cannot be read: {error}") from error
    if width > 0 or data[4:8] != b"ftyp":
        return int(width), int(height)
    # imagesize gives up on AVIF files with metadata. ISO/IEC 23008-12, 6.5.3: "ispe", version
    # and flags, width, height; a picture in tiles states them too, so the largest counts.
    found = re.finditer(rb"ispe\0{4}(.{8})", data[:HEADER_BYTES], re.DOTALL)
    return max((struct.unpack(">II", match[1]) for match in found), default=(0, 0))
