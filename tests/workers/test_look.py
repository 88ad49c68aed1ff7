"""Looks: images that look alike have nearly the same, others do not."""

import zipfile
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.db.questions import MAX_DISTANCE
from tests import drawing
from workers.images import Rgb, decode, difference_hash

SAMPLES = Path(__file__).parents[2] / "samples/screens.zip"


def distance(one: Rgb, other: Rgb) -> int:
    return (difference_hash(one) ^ difference_hash(other)).bit_count()


def samples() -> dict[str, Rgb]:
    with zipfile.ZipFile(SAMPLES) as archive:
        return {name: decode(archive.read(name)) for name in archive.namelist()}


def page(photo: int = 0) -> Rgb:
    rgb = drawing.draw_page(600, 400, "#f4f5f7")
    drawing.draw_box(rgb, (20, 20, 180, 150), "#ffffff")
    drawing.draw_box(rgb, (20, 190, 560, 190), "#1d4ed8")
    return drawing.draw_picture(rgb, (30, 30, 160, 100), seed=photo)


def test_other_screens_look_different() -> None:
    pairs = combinations(samples().values(), 2)

    assert min(distance(one, other) for one, other in pairs) > MAX_DISTANCE


@given(seed=st.integers(0, 2**32 - 1))
def test_noise_of_one_level_leaves_the_look(seed: int) -> None:
    rgb = page()
    noise = np.random.default_rng(seed).integers(-1, 2, rgb.shape)
    noisy = np.clip(rgb.astype(np.int16) + noise, 0, 255).astype(np.uint8)

    assert distance(rgb, noisy) <= 2


@given(photo=st.integers(1, 2**32 - 1))
def test_another_photo_on_a_screen_leaves_its_look(photo: int) -> None:
    assert distance(page(), page(photo)) <= MAX_DISTANCE


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud])
def test_a_mirrored_screen_looks_different(turn: Callable[[Rgb], Rgb]) -> None:
    screen = samples()["dashboard.png"]

    assert distance(screen, np.ascontiguousarray(turn(screen))) > MAX_DISTANCE


@given(width=st.integers(1, 40), height=st.integers(1, 40))
def test_the_smallest_images_have_a_look_of_64_bits(width: int, height: int) -> None:
    rgb = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), np.uint8)

    assert -(2**63) <= difference_hash(rgb) < 2**63
