"""Image bytes to an RGB array, within limits that are checked before anything is decoded."""

import io
import math
import os
import re
import struct
from dataclasses import dataclass
from typing import Any

import imagesize
import numpy as np
from numpy.typing import NDArray

from shared.errors import DecodeFailed, ImageTooLarge, NotAnImage

# OpenCV reads this once, on import, and by itself allows 2^30 pixels. The header check below is
# the first wall and this the second, a little wider so that the first one speaks.
DECODER_MAX_PIXELS = 64_000_000
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(DECODER_MAX_PIXELS))

import cv2  # noqa: E402 - after the limit that it reads on import

Rgb = NDArray[np.uint8]

# How many levels of 16-bit samples make one of 8-bit ones: 65535 / 255.
DEPTH_RATIO = 257
GRAY_ALPHA, COLOR_ALPHA = 2, 4
# The size of an AVIF stands in the boxes before its pixels.
HEADER_BYTES = 65_536
ORIENTATION_TAG = 274
# EXIF orientations that are mirrored left to right, and the quarter turns to the left that set
# each upright after that.
MIRRORED = frozenset({2, 4, 5, 7})
QUARTER_TURNS = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}

# Claude sees a picture as squares of so many pixels, each one token.
MODEL_PATCH_PX = 28
# Its API takes 10 MB of base64, which is 7.5 MB of file; only noise comes near it. Shrinking by
# a fifth takes off more than a third of the pixels, so that a few rounds always suffice.
MODEL_MAX_BYTES = 7_000_000
MODEL_SHRINK = 0.8


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """How large an image may be."""

    max_pixels: int = 50_000_000
    max_side_px: int = 20_000
    max_bytes: int = 32 * 1024 * 1024


DEFAULT_LIMITS = ImageLimits()


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """A PNG as sent: its size, and its pixels per pixel of the image that it shows."""

    png: bytes
    width: int
    height: int
    scale: float


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


def decode(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> Rgb:
    """Decode an image's first frame as it looks on white.

    Args:
        data: the file's content; PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF.
        limits: checked against the header before decoding.

    Returns:
        (height, width, 3) uint8, red green blue, rotated as EXIF says. AVIF has rotation boxes of
        its own, which are not applied.

    Raises:
        NotAnImage: the content is of no image format we know.
        ImageTooLarge: the header states more than the limits allow.
        DecodeFailed: the header reads and the pixels do not.
    """
    size = read_size(data, limits)
    # Only an unchanged decoding keeps alpha and depth, and only it leaves EXIF rotation to us.
    try:
        samples, kinds, metadata = cv2.imdecodeWithMetadata(
            np.frombuffer(data, np.uint8), flags=cv2.IMREAD_UNCHANGED
        )
    except cv2.error as error:
        raise DecodeFailed(f"{size[0]} x {size[1]} pixels: {error.err}") from error
    if samples is None:
        raise DecodeFailed(f"{size[0]} x {size[1]} pixels, but the data is damaged")
    rgb = _over_white(_to_levels(np.asarray(samples)))
    for kind, chunk in zip(kinds, metadata, strict=True):
        if kind == cv2.IMAGE_METADATA_EXIF:
            return _turn(rgb, _orientation(np.asarray(chunk).tobytes()))
    return rgb


def fit_for_model(rgb: Rgb, max_edge_px: int, max_tokens: int) -> EncodedImage:
    """Return the image as a PNG that a model is shown unresized, so that its scale is known.

    Args:
        rgb: (height, width, 3) uint8.
        max_edge_px: the longest side that the model is shown.
        max_tokens: the most squares of ``MODEL_PATCH_PX`` that it is shown.
    """
    height, width = rgb.shape[:2]
    scale = min(1.0, max_edge_px / max(width, height))
    while True:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        if count_model_tokens(*size) <= max_tokens:
            png = _encode_png(rgb, size)
            if len(png) <= MODEL_MAX_BYTES:
                return EncodedImage(png, *size, scale=scale)
            scale *= MODEL_SHRINK
        else:
            scale = min(scale * 0.99, math.sqrt(max_tokens / count_model_tokens(*size)) * scale)


def encode_png(rgb: Rgb) -> bytes:
    """Return the image as a PNG of its own size."""
    return _encode_png(rgb, (rgb.shape[1], rgb.shape[0]))


def count_model_tokens(width: int, height: int) -> int:
    """Return what a picture of this size in pixels counts as input tokens."""
    return math.ceil(width / MODEL_PATCH_PX) * math.ceil(height / MODEL_PATCH_PX)


def _encode_png(rgb: Rgb, size: tuple[int, int]) -> bytes:
    """Return the image as a PNG of this width and height, never a larger one."""
    same = size == (rgb.shape[1], rgb.shape[0])
    fitted = rgb if same else cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".png", cv2.cvtColor(fitted, cv2.COLOR_RGB2BGR))
    return bytes(data)


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


def _orientation(exif: bytes) -> int:
    """Return the EXIF orientation, 1 to 8; 1, upright, where the block does not state one.

    Source: JEITA CP-3451 (EXIF 2.3), 4.6.2 and tag 274.
    """
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    try:
        if order is None:
            return 1
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for index in range(count):
            tag, _, _, value = struct.unpack_from(order + "HHIH", exif, start + 2 + 12 * index)
            if tag == ORIENTATION_TAG:
                return int(value)
    except struct.error:
        return 1
    return 1


def _turn(rgb: Rgb, orientation: int) -> Rgb:
    """Turn and mirror the stored image upright."""
    if orientation in MIRRORED:
        rgb = rgb[:, ::-1]
    return np.ascontiguousarray(np.rot90(rgb, QUARTER_TURNS.get(orientation, 0)))


def _to_levels(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Return 8-bit samples of any integer or float depth."""
    if samples.dtype == np.uint8:
        return np.asarray(samples, np.uint8)
    if samples.dtype == np.uint16:
        rounded = (samples.astype(np.uint32) + DEPTH_RATIO // 2) // DEPTH_RATIO
        return rounded.astype(np.uint8)
    if np.issubdtype(samples.dtype, np.floating):
        levels = np.clip(np.nan_to_num(samples), 0, 1) * 255
        return np.asarray(levels.round(), np.uint8)
    raise DecodeFailed(f"samples of type {samples.dtype} are not read")


def _over_white(samples: NDArray[np.uint8]) -> Rgb:
    """Return red, green and blue of gray or color samples, what is transparent over white."""
    if samples.ndim == 2:  # noqa: PLR2004 - no channel axis: gray
        return np.repeat(samples[..., None], 3, axis=2)
    channels = samples.shape[2]
    if channels <= GRAY_ALPHA:
        color = np.repeat(samples[..., :1], 3, axis=2)
    else:
        color = np.ascontiguousarray(samples[..., 2::-1])
    return _blend(color, samples[..., -1]) if channels in {GRAY_ALPHA, COLOR_ALPHA} else color


def _blend(color: Rgb, alpha: NDArray[np.uint8]) -> Rgb:
    """Composite straight alpha over white, rounding as browsers do."""
    if int(alpha.min()) == 255:  # noqa: PLR2004 - opaque throughout
        return color
    share = alpha[..., None].astype(np.uint32)
    return ((color * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)
