"""Render the sample pages to PNG and pack them into ``screens.zip``.

    python samples/render.py [--png DIRECTORY]

Needs Debian's chromium, fonts-inter and fonts-liberation. The archive is committed, so only who
changes a page runs this; the same pages, browser and fonts give the same bytes.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ARCHIVE = HERE / "screens.zip"
TIMEOUT_S = 60
# The earliest time that a zip can hold: a page's own would change with every checkout.
EPOCH = (1980, 1, 1, 0, 0, 0)

FLAGS = (
    "--headless",
    "--no-sandbox",  # chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-lcd-text",  # gray antialiasing, as on most of today's screens
    "--hide-scrollbars",
)


@dataclass(frozen=True)
class Screen:
    """How large a page is rendered, in CSS pixels, and with how many device pixels to each."""

    width: int = 1440
    height: int = 900
    ratio: int = 1


DESKTOP = Screen()
PHONE = Screen(390, 844, ratio=2)
PAGES = {
    "article": DESKTOP,
    "dark": DESKTOP,
    "dashboard": DESKTOP,
    "login": DESKTOP,
    "mobile": PHONE,
    "pricing": DESKTOP,
    "settings": DESKTOP,
    "table": DESKTOP,
}


def name_image(page: str) -> str:
    """Return the name of a page's picture, with its device ratio where it is not 1."""
    ratio = PAGES[page].ratio
    return f"{page}.png" if ratio == 1 else f"{page}@{ratio}x.png"


def render(page: str, directory: Path, sources: Path = HERE) -> Path:
    """Render a page of ``sources`` into a directory and return the picture's path."""
    screen = PAGES[page]
    picture = directory / name_image(page)
    with tempfile.TemporaryDirectory() as profile:
        command = [
            _find_chromium(),
            *FLAGS,
            f"--user-data-dir={profile}",
            f"--window-size={screen.width},{screen.height}",
            f"--force-device-scale-factor={screen.ratio}",
            f"--screenshot={picture}",
            (sources / f"{page}.html").as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_S)  # noqa: S603
    return picture


def hash_sources() -> str:
    """Return the hash of stylesheet and pages, which the archive carries as its comment."""
    sources = [HERE / "tokens.css", *(HERE / f"{page}.html" for page in sorted(PAGES))]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def pack(pictures: list[Path]) -> None:
    """Write the archive, byte for byte the same for the same pictures."""
    with zipfile.ZipFile(ARCHIVE, "w") as archive:
        archive.comment = hash_sources().encode()
        for picture in sorted(pictures):
            member = zipfile.ZipInfo(picture.name, EPOCH)
            member.external_attr = 0o644 << 16
            archive.writestr(member, picture.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)


def _find_chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        sys.exit("chromium is not installed")
    return found


def main() -> None:
    """Render every page, keep the pictures if asked to, and pack them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--png", type=Path, help="a directory to leave the pictures in")
    kept = parser.parse_args().png
    with tempfile.TemporaryDirectory() as scratch:
        directory = kept or Path(scratch)
        directory.mkdir(parents=True, exist_ok=True)
        pack([render(page, directory) for page in PAGES])
    sys.stdout.write(f"{ARCHIVE.name}: {ARCHIVE.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
