"""Image bytes to an RGB array, within limits that are checked before anything is decoded."""

import os
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.claude.vision import fit
from shared.errors import DecodeFailed
from shared.image_size import DEFAULT_LIMITS, ImageLimits, read_size

# OpenCV reads this once, on import, and by itself allows 2^30 pixels. The header check below is
# the first wall and this the second, a little wider so that the first one speaks.
DECODER_MAX_PIXELS = 64_000_000
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(DECODER_MAX_PIXELS))

import cv2  # noqa: E402 - after the limit that it reads on import

Rgb = NDArray[np.uint8]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Length and type before a chunk's data, in bytes; and with the checksum behind it.
PNG_CHUNK_HEADER = 8
PNG_CHUNK_FRAME = 12
# How many levels of 16-bit samples make one of 8-bit ones: 65535 / 255.
DEPTH_RATIO = 257
GRAY_ALPHA, COLOR_ALPHA = 2, 4
ORIENTATION_TAG = 274
# EXIF orientations that are mirrored left to right, and the quarter turns to the left that set
# each upright after that.
MIRRORED = frozenset({2, 4, 5, 7})
QUARTER_TURNS = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}

# A look has a bit for each step from one cell to the next in a row: 8 rows of 9 cells.
LOOK_CELLS = (9, 8)
# Rounding alone puts two cells of one flat area a level apart; a step is more.
FLAT_LEVELS = 1

# Its API takes 10 MB of base64, which is 7.5 MB of file; only noise comes near it. Shrinking by
# a fifth takes off more than a third of the pixels, so that a few rounds always suffice.
MODEL_MAX_BYTES = 7_000_000
MODEL_SHRINK = 0.8
# By channels, what turns blue, green and red round and leaves alpha out.
BGR_KINDS = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB}
# Pixels that are converted at once: what they are worked out in stays in the processor's cache.
BAND_PIXELS = 2**17

# What a list of images shows, sharp on screens of two pixels a CSS pixel; 14 KB as a rule.
THUMBNAIL_WIDTH_PX = 400
# Its height over its width, at most.
THUMBNAIL_RATIO = 0.75
THUMBNAIL_QUALITY = 80


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """A PNG as sent: its size, and its pixels per pixel of the image that it shows."""

    png: bytes
    width: int
    height: int
    scale: float


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
    _require_true_lengths(data)
    # Only an unchanged decoding keeps alpha and depth, and only it leaves EXIF rotation to us.
    try:
        samples, kinds, metadata = cv2.imdecodeWithMetadata(
            np.frombuffer(data, np.uint8), flags=cv2.IMREAD_UNCHANGED
        )
    except cv2.error as error:
        raise DecodeFailed(f"{size[0]} x {size[1]} pixels: {error.err}") from error
    if samples is None:
        raise DecodeFailed(f"{size[0]} x {size[1]} pixels, but the data is damaged")
    rgb = _read_levels(np.asarray(samples))
    for kind, chunk in zip(kinds, metadata, strict=True):
        if kind == cv2.IMAGE_METADATA_EXIF:
            return _turn(rgb, _orientation(np.asarray(chunk).tobytes()))
    return rgb


def _require_true_lengths(data: bytes) -> None:
    """Refuse a PNG with a chunk that is said to be longer than the file.

    The decoder makes room for a whole chunk before it reads one, up to 2 GB.

    Source: PNG specification, third edition, 5.3: length, type, data, checksum.
    """
    if not data.startswith(PNG_SIGNATURE):
        return
    at = len(PNG_SIGNATURE)
    # The decoder makes that room, too, where the file ends right behind the type.
    while at + PNG_CHUNK_HEADER <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if length > len(data):
            raise DecodeFailed(f"a part of {length} bytes in a file of {len(data)}")
        if kind == b"IEND":
            return
        at += PNG_CHUNK_FRAME + length


def fit_for_model(rgb: Rgb, max_edge_px: int, max_tokens: int) -> EncodedImage:
    """Return the image as a PNG that a model is shown unresized, so that its scale is known.

    Args:
        rgb: (height, width, 3) uint8.
        max_edge_px: the longest side that the model is shown.
        max_tokens: the most that it may count; see ``count_tokens``.
    """
    height, width = rgb.shape[:2]
    scale = 1.0
    while True:
        fitted = fit(width, height, max_edge_px, max_tokens, scale)
        png = _encode_png(rgb, (fitted.width, fitted.height))
        if len(png) <= MODEL_MAX_BYTES:
            return EncodedImage(png, fitted.width, fitted.height, fitted.scale)
        scale = fitted.scale * MODEL_SHRINK


def difference_hash(rgb: Rgb) -> int:
    """Return 64 bits, as a signed number, of which images that look alike share most.

    A bit tells whether a cell of the image, shrunk to 9 by 8 gray ones, is darker than the next.

    Source: N. Krawetz, "Kind of Like That", 2013 (dHash).
    """
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    cells = np.asarray(cv2.resize(gray, LOOK_CELLS, interpolation=cv2.INTER_AREA), np.int16)
    steps = cells[:, 1:] - cells[:, :-1] > FLAT_LEVELS
    return int.from_bytes(np.packbits(steps).tobytes(), "big", signed=True)


def encode_thumbnail(rgb: Rgb) -> bytes:
    """Return the upper part of an image as a small JPEG, never a larger one.

    Lists show where a page begins, so that long pages are cut off and not shrunk to a line.
    """
    width = rgb.shape[1]
    shown_px = min(width, THUMBNAIL_WIDTH_PX)
    part = rgb[: round(width * THUMBNAIL_RATIO) or 1]
    size = (shown_px, max(1, round(part.shape[0] * shown_px / width)))
    small = part if shown_px == width else cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), quality)
    return bytes(data)


def encode_png(rgb: Rgb) -> bytes:
    """Return the image as a PNG of its own size."""
    return _encode_png(rgb, (rgb.shape[1], rgb.shape[0]))


def _encode_png(rgb: Rgb, size: tuple[int, int]) -> bytes:
    """Return the image as a PNG of this width and height, never a larger one."""
    same = size == (rgb.shape[1], rgb.shape[0])
    fitted = rgb if same else cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".png", cv2.cvtColor(fitted, cv2.COLOR_RGB2BGR))
    return bytes(data)


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


def _read_levels(samples: NDArray[Any]) -> Rgb:
    """Return red, green and blue of samples of any kind, what is transparent over white.

    Band by band: what 16-bit samples and alpha are worked out in is several times their size.
    """
    rgb = np.empty((*samples.shape[:2], 3), np.uint8)
    rows = max(1, BAND_PIXELS // samples.shape[1])
    for top in range(0, len(samples), rows):
        band = np.s_[top : top + rows]
        rgb[band] = _over_white(_to_levels(samples[band]))
    return rgb


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
        color = np.asarray(cv2.cvtColor(samples, BGR_KINDS[channels]), np.uint8)
    return _blend(color, samples[..., -1]) if channels in {GRAY_ALPHA, COLOR_ALPHA} else color


def _blend(color: Rgb, alpha: NDArray[np.uint8]) -> Rgb:
    """Composite straight alpha over white, rounding as browsers do."""
    if int(alpha.min()) == 255:  # noqa: PLR2004 - opaque throughout
        return color
    share = alpha[..., None].astype(np.uint32)
    return ((color * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)
