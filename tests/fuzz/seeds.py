"""What fuzzing begins with: small files of each kind, whole ones and hostile ones."""

import io
import zipfile
from collections.abc import Iterator

from PIL import Image

from tests.hostile.archives import PNG, archive_cases, entry_of, gzip_of, tar_of, zip_of
from tests.hostile.images import image_cases, picture

# Longer ones are changed too slowly, and most of their bytes are pixels.
MOST_BYTES = 8192
SIZE = (24, 16)
# Each has code of its own in the decoders.
TIFF_COMPRESSIONS = ("raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg", "group4")


def archive_seeds() -> Iterator[bytes]:
    """Yield archives."""
    yield zip_of(("a.png", PNG), ("b.txt", b"text"), method=zipfile.ZIP_STORED)
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield zip_of(("folder/a.png", PNG), ("b.jpg", picture("JPEG", SIZE)), method=method)
    tar = tar_of(entry_of("a.png"), entry_of("é" * 150 + ".png"), entry_of("b.txt", b"text"))
    yield tar
    yield gzip_of(tar)
    yield from (case.data for case in archive_cases() if len(case.data) <= MOST_BYTES)


def image_seeds() -> Iterator[bytes]:
    """Yield images."""
    noise = Image.effect_noise(SIZE, 64)
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"):
        yield _saved(noise.convert("RGB"), kind)
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        yield _saved(Image.new(mode, SIZE), "PNG")
    yield _saved(noise, "JPEG", progressive=True)
    yield _saved(noise.convert("CMYK"), "JPEG")
    yield _saved(noise.convert("RGBA"), "WEBP", lossless=True)
    for compression in TIFF_COMPRESSIONS:
        image = noise.convert("1" if compression == "group4" else "RGB")
        yield _saved(image, "TIFF", compression=compression)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield _saved(noise, "JPEG", exif=exif.tobytes())
    for kind in ("GIF", "WEBP"):
        yield _saved(noise, kind, save_all=True, append_images=[noise.rotate(90)])
    cases = (case for case in image_cases() if not case.name.startswith("flat"))
    yield from (case.data for case in cases if len(case.data) <= MOST_BYTES)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()
