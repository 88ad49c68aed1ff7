"""What a file is, told by its first bytes: the name and the declared type count for nothing."""

from enum import StrEnum

# Enough for every signature below; tar's stands at byte 257.
SNIFF_BYTES = 264


class MediaType(StrEnum):
    """The image formats we decode and the archives we open."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    WEBP = "image/webp"
    GIF = "image/gif"
    BMP = "image/bmp"
    TIFF = "image/tiff"
    AVIF = "image/avif"
    ZIP = "application/zip"
    TAR = "application/x-tar"
    GZIP = "application/gzip"

    @property
    def is_image(self) -> bool:
        """Whether this is an image format."""
        return self.value.startswith("image/")


_PREFIXES: tuple[tuple[bytes, MediaType], ...] = (
    (b"\x89PNG\r\n\x1a\n", MediaType.PNG),
    (b"\xff\xd8\xff", MediaType.JPEG),
    (b"GIF87a", MediaType.GIF),
    (b"GIF89a", MediaType.GIF),
    (b"BM", MediaType.BMP),
    (b"II*\x00", MediaType.TIFF),
    (b"MM\x00*", MediaType.TIFF),
    (b"PK\x03\x04", MediaType.ZIP),
    (b"PK\x05\x06", MediaType.ZIP),
    (b"\x1f\x8b", MediaType.GZIP),
)


def sniff(head: bytes) -> MediaType | None:
    """Return the type of a file from its first ``SNIFF_BYTES`` bytes, None when unknown."""
    for prefix, media_type in _PREFIXES:
        if head.startswith(prefix):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return MediaType.WEBP
    if head[4:8] == b"ftyp" and head[8:12] in {b"avif", b"avis"}:
        return MediaType.AVIF
    if head[257:262] == b"ustar":
        return MediaType.TAR
    return None
