"""How many digits a measured length is told with: no more than were measured."""

# Steps a length may be told in, in CSS pixels, coarsest first.
STEPS_PX = (1.0, 0.5, 0.25)
# Decimals of a value that is surer than the finest step.
FINEST_DIGITS = 2


def tell(value: float, uncertainty: float) -> float:
    """Return a value in the coarsest step that changes it by no more than its uncertainty.

    A size read as 20.08 with an uncertainty of 0.2 is told as 20, and one read as 13.46 with the
    same uncertainty as 13.5: the digits that are dropped were never known.

    Args:
        value: as estimated, in CSS pixels or degrees.
        uncertainty: one standard deviation of the estimate, in the same unit.
    """
    for step in STEPS_PX:
        rounded = round(value / step) * step
        if abs(rounded - value) <= uncertainty:
            return rounded
    return round(value, FINEST_DIGITS)
