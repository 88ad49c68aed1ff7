"""Every hostile image ends as it may, decoded in this process."""

import numpy as np
import pytest

from shared.errors import DecodeFailed, UnreadableInput
from tests.hostile.images import CUT_CHUNK, LONG_END, Case, image_cases, picture
from workers.images import decode

CASES = list(image_cases())


def end_of(data: bytes) -> str | None:
    try:
        rgb = decode(data)
    except UnreadableInput as error:
        return error.code
    assert rgb.dtype == np.uint8
    assert rgb.ndim == 3
    return None


@pytest.mark.parametrize("case", CASES, ids=[case.name[:40] for case in CASES])
def test_a_hostile_image_ends_as_it_may(case: Case) -> None:
    assert end_of(case.data) in case.ends


@pytest.mark.parametrize("begun", [CUT_CHUNK, LONG_END], ids=["a text", "the end"])
@pytest.mark.parametrize("more", range(12))
def test_no_room_is_made_for_a_chunk_that_cannot_be_there(begun: bytes, more: int) -> None:
    with pytest.raises(DecodeFailed, match="a part of 2147483647 bytes"):
        decode(begun + bytes(more))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_image_may_be_cut_off_anywhere(kind: str) -> None:
    whole = picture(kind)

    ends = {end_of(whole[:length]) for length in range(len(whole))}

    assert ends <= {None, "decode_failed", "not_an_image", "image_too_large"}
