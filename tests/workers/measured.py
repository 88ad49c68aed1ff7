"""Measurements to name and assemble, with as little said as a test needs."""

from typing import TypeAlias

from workers.measure.measurements import (
    Box,
    ColorMeasurement,
    ColorRole,
    FamilyClass,
    GradientKind,
    GradientMeasurement,
    GradientStop,
    Measurements,
    Path,
    RadiusMeasurement,
    ShadowMeasurement,
    SpacingKind,
    SpacingMeasurement,
    TypographyMeasurement,
)

Measurement: TypeAlias = (
    ColorMeasurement
    | SpacingMeasurement
    | TypographyMeasurement
    | ShadowMeasurement
    | GradientMeasurement
    | RadiusMeasurement
)

BOX = Box(1, 2, 30, 40)


def color(hex_color: str, *roles: ColorRole, count: int = 1) -> ColorMeasurement:
    return ColorMeasurement(hex_color, 0.1, roles, count, (BOX,), 0.9)


def spacing(
    px: float, kind: SpacingKind = SpacingKind.GAP, count: int = 1, confidence: float = 0.8
) -> SpacingMeasurement:
    return SpacingMeasurement(px, kind, count, (BOX,), confidence)


def style(
    size_px: float,
    weight: int = 400,
    line_height_px: float | None = None,
    family: FamilyClass = FamilyClass.SANS,
) -> TypographyMeasurement:
    return TypographyMeasurement(
        size_px, weight, line_height_px, family, "#111111", 40, 2, (BOX,), 0.7
    )


def shadow(y_px: float, blur_px: float, alpha: float = 0.1) -> ShadowMeasurement:
    return ShadowMeasurement(0, y_px, blur_px, 0, "#000000", alpha, 3, (BOX,), 0.6)


def gradient(*hexes: str, kind: GradientKind = GradientKind.LINEAR) -> GradientMeasurement:
    stops = tuple(GradientStop(each, i / (len(hexes) - 1)) for i, each in enumerate(hexes))
    angle = 90.0 if kind is GradientKind.LINEAR else None
    return GradientMeasurement(kind, angle, stops, 1, (BOX,), 0.9)


def radius(px: float) -> RadiusMeasurement:
    return RadiusMeasurement(px, 5, (BOX,), 0.95)


def measurements(*found: Measurement) -> Measurements:
    return Measurements(
        width=800,
        height=600,
        dpr=1.0,
        path=Path.EXACT,
        colors=tuple(each for each in found if isinstance(each, ColorMeasurement)),
        spacing=tuple(each for each in found if isinstance(each, SpacingMeasurement)),
        typography=tuple(each for each in found if isinstance(each, TypographyMeasurement)),
        shadows=tuple(each for each in found if isinstance(each, ShadowMeasurement)),
        gradients=tuple(each for each in found if isinstance(each, GradientMeasurement)),
        radii=tuple(each for each in found if isinstance(each, RadiusMeasurement)),
    )
