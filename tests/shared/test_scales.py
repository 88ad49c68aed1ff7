"""The rules behind a set's values, and their absence where there is none."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from shared.scales import infer_scales
from shared.tokens import (
    Color,
    Dimension,
    Scale,
    Shadow,
    Source,
    Token,
    Tokens,
    Typography,
)


def lengths(uses: dict[float, int]) -> tuple[Token[Dimension], ...]:
    return tuple(
        Token[Dimension](
            name=f"{px:g}".replace(".", "-"),
            value=Dimension(value=px),
            usage=usage,
            confidence=1,
            source=Source.CV,
        )
        for px, usage in uses.items()
    )


def styles(uses: dict[float, int]) -> tuple[Token[Typography], ...]:
    return tuple(
        Token[Typography](
            name=f"size-{px:g}".replace(".", "-"),
            value=Typography(
                font_family=("sans-serif",), font_size=Dimension(value=px), font_weight=400
            ),
            usage=usage,
            confidence=1,
            source=Source.CV,
        )
        for px, usage in uses.items()
    )


def spacing(uses: dict[float, int]) -> Scale:
    return infer_scales(Tokens(spacing=lengths(uses))).spacing


def type_sizes(uses: dict[float, int]) -> Scale:
    return infer_scales(Tokens(typography=styles(uses))).typography


def test_multiples_of_four_are_told_from_multiples_of_eight() -> None:
    four = spacing({4: 9, 8: 60, 12: 20, 16: 140, 20: 10, 24: 45, 32: 9, 36: 3})
    eight = spacing({8: 60, 16: 140, 24: 45, 32: 9, 40: 12, 56: 6, 64: 3})

    assert (four.base_px, eight.base_px) == (4, 8)
    assert min(four.confidence, eight.confidence) > 0.9
    assert four.ratio is None


def test_a_base_of_five_is_found_beside_values_off_it() -> None:
    found = spacing({5: 7, 10: 30, 15: 40, 20: 30, 25: 9, 30: 20, 12: 2, 18: 1})

    assert found.base_px == 5
    assert found.steps == ("5", "10", "15", "20", "25", "30")
    assert found.outliers == ("12", "18")


def test_lengths_that_follow_nothing_have_no_base() -> None:
    assert spacing({3: 9, 7: 14, 11: 30, 13: 20, 17: 9, 22: 9, 26: 5}) == Scale()


def test_what_is_unsure_says_less() -> None:
    sure = lengths({8: 60, 16: 140, 24: 20, 32: 9, 40: 9})
    odd = lengths({12: 20, 20: 10, 28: 9})
    unsure = tuple(each.model_copy(update={"confidence": 0.1, "confirmed": False}) for each in odd)

    four, eight = (infer_scales(Tokens(spacing=sure + each)).spacing for each in (odd, unsure))

    assert (four.base_px, eight.base_px) == (4, 8)


def test_steps_and_outliers_are_confirmed_tokens() -> None:
    seen = lengths({4: 9, 8: 60, 12: 20, 16: 140, 20: 10, 28: 9, 17: 2, 30: 1})
    tokens = tuple(
        each.model_copy(update={"confirmed": each.name not in {"28", "30"}}) for each in seen
    )

    found = infer_scales(Tokens(spacing=tokens)).spacing

    assert found.steps == ("4", "8", "12", "16", "20")
    assert found.outliers == ("17",)


def test_two_values_are_no_scale() -> None:
    assert spacing({8: 100, 16: 100}) == Scale()
    assert infer_scales(Tokens()).spacing == Scale()


def test_a_width_of_the_layout_is_neither_a_step_nor_an_outlier() -> None:
    found = spacing({4: 9, 8: 60, 12: 20, 16: 140, 20: 10, 28: 9, 333: 9})

    assert "333" not in (*found.steps, *found.outliers)


def test_rem_counts_as_what_it_comes_to() -> None:
    plain = lengths({4: 9, 8: 60, 12: 20, 20: 10, 28: 9})
    rem = Token[Dimension](
        name="one", value=Dimension(value=1, unit="rem"), usage=9, confidence=1, source=Source.CV
    )

    assert "one" in infer_scales(Tokens(spacing=(*plain, rem))).spacing.steps


def test_sizes_of_a_modular_scale_tell_its_ratio() -> None:
    found = type_sizes({16: 400, 20: 30, 25: 12, 31.25: 6, 39: 3, 12.8: 40})

    assert (found.base_px, found.ratio) == (16, 1.25)
    assert found.outliers == ()


def test_sizes_that_follow_no_ratio_have_none() -> None:
    assert type_sizes({16: 400, 17.6: 30, 21.3: 12, 23: 6, 35: 3}) == Scale()
    assert type_sizes({16: 400}) == Scale()


LENGTHS = st.integers(1, 800).map(lambda halves: halves / 2)


@given(st.dictionaries(LENGTHS, st.integers(1, 500), max_size=30), st.randoms())
def test_the_order_of_tokens_changes_no_scale(uses: dict[float, int], random: Random) -> None:
    tokens = list(lengths(uses))
    found = infer_scales(Tokens(spacing=tuple(tokens))).spacing
    random.shuffle(tokens)

    assert infer_scales(Tokens(spacing=tuple(tokens))).spacing == found
    assert not set(found.steps) & set(found.outliers)
    assert (found.base_px is None) == (found.confidence == 0)


def shadow(name: str, y: float, blur: float, *, inset: bool = False) -> Token[Shadow]:
    value = Shadow(
        color=Color(hex="#000000", alpha=0.2),
        offset_x=Dimension(value=0),
        offset_y=Dimension(value=y),
        blur=Dimension(value=blur),
        spread=Dimension(value=0),
        inset=inset,
    )
    return Token[Shadow](name=name, value=value, usage=1, confidence=1, source=Source.CV)


def test_a_softer_shadow_stands_higher_and_an_inner_one_nowhere() -> None:
    shadows = (
        shadow("modal", 16, 48),
        shadow("pressed", 1, 2, inset=True),
        shadow("card", 2, 4),
        shadow("menu", 4, 12),
    )

    assert infer_scales(Tokens(shadow=shadows)).elevation == ("card", "menu", "modal")
