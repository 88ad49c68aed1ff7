import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.claude.vision import count_tokens
from workers.images import MODEL_MAX_BYTES, decode, fit_for_model

SHARP = (2576, 4784)
COARSE = (1568, 1568)


def plain(width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((height, width, 3), 200, np.uint8)


def test_a_picture_within_the_caps_is_sent_as_it_is() -> None:
    rgb = np.arange(60 * 90 * 3, dtype=np.uint8).reshape(60, 90, 3)

    sent = fit_for_model(rgb, *SHARP)

    assert (sent.width, sent.height, sent.scale) == (90, 60, 1.0)
    assert np.array_equal(decode(sent.png), rgb)


def test_a_screenshot_of_1440_by_900_is_1716_tokens() -> None:
    assert count_tokens(1440, 900) == 1716


def test_a_long_side_is_brought_to_the_cap() -> None:
    sent = fit_for_model(plain(3000, 300), *SHARP)

    assert (sent.width, sent.height) == (2576, 258)
    assert sent.scale == pytest.approx(2576 / 3000)


def test_noise_is_shrunk_until_the_api_takes_it() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1500, 2400, 3), np.uint8)

    sent = fit_for_model(noise, *SHARP)

    assert len(sent.png) <= MODEL_MAX_BYTES
    assert sent.scale < 1


@settings(max_examples=30, deadline=None)
@given(
    st.integers(min_value=1, max_value=6000),
    st.integers(min_value=1, max_value=6000),
    st.sampled_from([SHARP, COARSE]),
)
def test_any_picture_comes_within_the_caps_at_the_scale_that_is_told(
    width: int, height: int, caps: tuple[int, int]
) -> None:
    sent = fit_for_model(plain(width, height), *caps)

    assert max(sent.width, sent.height) <= caps[0]
    assert count_tokens(sent.width, sent.height) <= caps[1]
    assert sent.width == pytest.approx(width * sent.scale, abs=1)
    assert sent.height == pytest.approx(height * sent.scale, abs=1)
