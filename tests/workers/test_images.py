"""Files become the pixels that a viewer shows, or a narrow error."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from shared.errors import DecodeFailed, ImageTooLarge, NotAnImage
from shared.image_size import ImageLimits, read_size
from workers.images import THUMBNAIL_WIDTH_PX, decode, encode_thumbnail

RED, BLUE = (255, 0, 0), (0, 0, 255)


def file_of(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def two_colors() -> Image.Image:
    """Return 60 x 40 pixels, red in the top left quarter, blue elsewhere."""
    image = Image.new("RGB", (60, 40), BLUE)
    image.paste(RED, (0, 0, 30, 20))
    return image


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_lossless_formats_decode_to_the_same_pixels(kind: str) -> None:
    rgb = decode(file_of(two_colors(), kind))

    assert np.array_equal(rgb, np.asarray(two_colors()))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_decode_to_nearly_the_same_pixels(kind: str) -> None:
    rgb = decode(file_of(two_colors(), kind, quality=95)).astype(int)

    assert np.abs(rgb[10, 10] - RED).max() < 12
    assert np.abs(rgb[30, 50] - BLUE).max() < 12


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_comes_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = two_colors()
    expected = np.asarray(_upright(stored, orientation)).astype(int)

    rgb = decode(file_of(stored, kind, quality=95, exif=exif.tobytes())).astype(int)

    assert rgb.shape == expected.shape
    # Away from the seam, where chroma subsampling blurs.
    assert np.median(np.abs(rgb - expected)) < 12
    assert np.abs(rgb[4, 4] - expected[4, 4]).max() < 12


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    how = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    return image.transpose(how[orientation]) if orientation in how else image


def test_what_is_transparent_shows_white_and_not_its_hidden_color() -> None:
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))

    assert (decode(file_of(image, "PNG")) == 255).all()


def test_half_transparent_black_over_white_is_middle_gray() -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 128))

    assert (decode(file_of(image, "PNG")) == 127).all()


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P"])
def test_gray_and_indexed_images_have_three_channels(mode: str) -> None:
    rgb = decode(file_of(Image.new("L", (12, 9), 255).convert(mode), "PNG"))

    assert rgb.shape == (9, 12, 3)
    assert (rgb == 255).all()


def test_sixteen_bits_are_rounded_to_eight() -> None:
    image = Image.fromarray(np.full((6, 6), 40_000, np.uint16))

    assert (decode(file_of(image, "PNG")) == round(40_000 / 257)).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_of_many_frames_the_first_is_read(kind: str) -> None:
    frames = [Image.new("RGB", (20, 20), color) for color in ((10, 10, 10), (200, 200, 200))]

    rgb = decode(file_of(frames[0], kind, save_all=True, append_images=frames[1:]))

    assert np.abs(rgb.astype(int) - 10).max() < 4


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\x00" * 64])
def test_content_without_a_header_is_not_an_image(data: bytes) -> None:
    with pytest.raises(NotAnImage):
        decode(data)


def test_a_damaged_image_fails_to_decode() -> None:
    data = file_of(two_colors(), "PNG")

    with pytest.raises(DecodeFailed):
        decode(data[:60] + b"\0" * 40)


def test_a_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(ImageTooLarge, match="30000 x 30000"):
        decode(_png_header(30_000, 30_000))


@pytest.mark.parametrize(
    "limits",
    [ImageLimits(max_pixels=2399), ImageLimits(max_side_px=59), ImageLimits(max_bytes=40)],
)
def test_each_limit_is_kept(limits: ImageLimits) -> None:
    with pytest.raises(ImageTooLarge):
        decode(file_of(two_colors(), "PNG"), limits)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_the_size_is_read_from_every_header(kind: str) -> None:
    assert read_size(file_of(two_colors(), kind)) == (60, 40)


def _png_header(width: int, height: int) -> bytes:
    """Return a PNG that states a size and holds almost nothing."""
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", body), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b"")]
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, data in chunks:
        checksum = zlib.crc32(name + data)
        parts.append(struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum))
    return b"".join(parts)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((1440, 900), (400, 250)),
        ((1440, 9000), (400, 300)),
        ((60, 40), (60, 40)),
        ((1, 9), (1, 1)),
    ],
)
def test_a_thumbnail_is_the_upper_part_and_never_larger(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    image = np.zeros((size[1], size[0], 3), np.uint8)

    with Image.open(io.BytesIO(encode_thumbnail(image))) as small:
        assert (small.format, small.size) == ("JPEG", shown)
    assert shown[0] <= THUMBNAIL_WIDTH_PX


def test_a_thumbnail_shows_the_colors_of_its_image() -> None:
    image = np.full((300, 800, 3), (200, 30, 60), np.uint8)

    assert np.abs(decode(encode_thumbnail(image)).astype(int) - (200, 30, 60)).max() <= 3
