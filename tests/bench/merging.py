"""`python -m tests.bench.merging`: what it takes to merge the sets of 10,000 images.

Each order of the images is merged in a process of its own, which tells its time and its peak
memory; the sets are made as they are needed, as the service reads them. The time is told beside
that of making the sets alone, and of a tenth of them.
"""

import hashlib
import resource
import subprocess
import sys
from random import Random
from time import process_time

from shared.tokens import Box, Color, Dimension, Source, TextOn, Token, Tokens, Typography
from tests.bench.figures import Figure, report
from workers.merge import Merge

PART = "merging"
IMAGES = 10_000
SHUFFLES = 3
# What an image of a real archive shows: the upper quartile of the benchmark's pages.
COLORS, LENGTHS, STYLES, RADII = 24, 18, 9, 6
# The design system behind them, and as many values that one image alone shows.
PALETTE, SCALE = 80, 40
# A user waits for it at the end of a job; an io worker has other threads to feed.
MOST_S, MOST_MIB = 20, 300


def make(number: int) -> Tokens:
    """Return the tokens of one image of the archive; the same number gives the same tokens."""
    random = _random(number)
    return Tokens(
        color=tuple(_colors(random)),
        spacing=tuple(_lengths(random, LENGTHS)),
        typography=tuple(_styles(random)),
        radius=tuple(_lengths(random, RADII)),
    )


def merge_all(order: int, images: int) -> tuple[float, float, str]:
    """Merge the images in one order: seconds, of those the sets' own, and the result's hash."""
    numbers = list(range(images))
    _random(order).shuffle(numbers)
    begun = process_time()
    for number in numbers:
        make(number)
    made = process_time() - begun
    merging = Merge()
    for number in numbers:
        merging.add(f"screens/{number:05}.png", make(number), f"item_{number:032x}")
    merged = merging.sum_up().model_dump_json()
    seconds = process_time() - begun - made
    return seconds - made, made, hashlib.sha256(merged.encode()).hexdigest()


def _random(seed: int) -> Random:
    return Random(seed)  # noqa: S311 -- nothing here is secret


def _colors(random: Random) -> list[Token[Color]]:
    levels = random.sample(range(PALETTE), COLORS)
    hexes = [f"#{_random(level).randrange(1 << 24):06x}" for level in levels]
    # An image in a hundred shows a color that is its own.
    hexes[-1] = f"#{random.randrange(1 << 24):06x}" if random.random() < 0.01 else hexes[-1]
    return [
        Token[Color](
            name=f"color-{value[1:]}",
            value=Color(hex=value),
            on=(TextOn(background=hexes[0], count=3),),
            **_facts(random),
        )
        for value in dict.fromkeys(hexes)
    ]


def _lengths(random: Random, count: int) -> list[Token[Dimension]]:
    values = random.sample(range(1, SCALE + 1), count)
    return [
        Token[Dimension](name=f"{2 * px}", value=Dimension(value=2 * px), **_facts(random))
        for px in values
    ]


def _styles(random: Random) -> list[Token[Typography]]:
    sizes = random.sample(range(10, 40), STYLES)
    return [
        Token[Typography](
            name=f"style-{size}",
            value=Typography(
                font_family=("sans-serif",),
                font_size=Dimension(value=size + random.choice((0, 0.1, 0.2))),
                font_weight=random.choice((400, 700)),
                line_height=random.choice((1.2, 1.5, None)),
            ),
            **_facts(random),
        )
        for size in sizes
    ]


def _facts(random: Random) -> dict[str, object]:
    places = [Box(x=random.randrange(1440), y=n, width=40, height=20) for n in range(3)]
    return {
        "usage": random.randrange(1, 50),
        "confidence": round(random.random(), 4),
        "source": random.choice((Source.CV, Source.CLAUDE)),
        "description": f"What image {random.randrange(IMAGES)} says",
        "boxes": tuple(places),
    }


def _measure(order: int, images: int) -> tuple[float, float, str]:
    """Return a merge's seconds, its process's peak in MiB, and the hash of what it came to."""
    command = [sys.executable, "-m", "tests.bench.merging", str(order), str(images)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    told = done.stdout.split()
    return float(told[0]), float(told[1]), told[2]


def run() -> list[Figure]:
    """Return what three orders of the images take, and a tenth of them."""
    tenth_s, _, _ = _measure(0, IMAGES // 10)
    found = [_measure(order, IMAGES) for order in range(SHUFFLES)]
    seconds, peaks_mib, digests = zip(*found, strict=True)
    return [
        Figure(PART, "10,000 sets, longest of three orders", max(seconds), "s", at_most=MOST_S),
        Figure(PART, "the same / a tenth of them", max(seconds) / tenth_s, ""),
        Figure(PART, "largest process", max(peaks_mib), "MiB", at_most=MOST_MIB),
        Figure(PART, "different results", len(set(digests)), "", at_most=1),
    ]


def _tell() -> None:
    """Print what one merge took, for the process that asked."""
    seconds, _, digest = merge_all(int(sys.argv[1]), int(sys.argv[2]))
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(seconds, peak_mib, digest)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _tell()
    else:
        sys.exit(not report(run()))
