"""A drift report as a page (``report.html``): what drifts, where, and what it should be instead.

Like the style guide it stands alone: nothing is loaded, and nothing runs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.export.css import WRITERS
from shared.export.formats import File
from shared.export.rendering import render
from shared.export.specimen import tell_rule
from shared.export.values import write_color, write_number, write_style
from shared.findings import AnyFinding, Better, LowContrast, NearDuplicate, Report
from shared.tokens import Color, ImageUse, Token, TokenSet, TokenType

# A page is read from the top, where the most used stand; the JSON has them all.
MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class Sample:
    """A value as the page shows it; ``style`` is the CSS of a swatch, empty without one."""

    name: str
    value: str
    style: str


@dataclass(frozen=True, slots=True)
class Row:
    """A finding: a token, what it should be, and why and where."""

    found: Sample
    probably: Sample | None
    why: str
    seen: str
    places: tuple[ImageUse, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """The findings of one kind; ``count`` is of all, ``rows`` are the first of them."""

    key: str
    title: str
    about: str
    count: int
    rows: tuple[Row, ...]


def write_report(report: Report, token_set: TokenSet) -> File:
    """Return a report on a set as ``report.html``."""
    content = render(
        "report.html.j2",
        version=token_set.pipeline_version,
        images=token_set.source_images,
        sections=tuple(_list_sections(report)),
    )
    return File("report.html", "text/html", content)


def _list_sections(report: Report) -> Iterator[Section]:
    contrasts = [_contrast_row(each) for each in report.low_contrast[:MOST_ROWS]]
    duplicates = [_row(each, TokenType.COLOR) for each in report.near_duplicates[:MOST_ROWS]]
    yield Section(
        "contrast",
        "Text that is hard to read",
        "WCAG 2.2 AA wants a contrast of 4.5 to 1, and of 3 to 1 for large text.",
        len(report.low_contrast),
        tuple(contrasts),
    )
    yield Section(
        "duplicates",
        "Colors nearly the same",
        "Beside a color that is used much more, in the same role.",
        len(report.near_duplicates),
        tuple(duplicates),
    )
    yield Section(
        "scale",
        "Off the scale",
        _tell_scales(report),
        len(report.off_scale),
        _rows(report.off_scale),
    )
    yield Section(
        "rare",
        "Rarely used",
        "Text styles of few lines, and whatever too few images show to be sure of it.",
        len(report.rare),
        _rows(report.rare),
    )


def _tell_scales(report: Report) -> str:
    """Return the rules that most values follow."""
    scales = {"Spacing": report.scales.spacing, "Typography": report.scales.typography}
    rules = [f"{name}: {rule}." for name, scale in scales.items() if (rule := tell_rule(scale))]
    return " ".join(rules) or "The values follow no rule that could be told."


def _rows(findings: Sequence[AnyFinding]) -> tuple[Row, ...]:
    return tuple(_row(each, each.type) for each in findings[:MOST_ROWS])


def _row(finding: AnyFinding | NearDuplicate, token_type: TokenType) -> Row:
    if isinstance(finding, NearDuplicate):
        why = f"ΔE {write_number(finding.delta_e)}"
    else:
        why = token_type.value if finding.token.confirmed else f"{token_type.value}, unsure"
    return Row(
        found=_sample(token_type, finding.token),
        probably=_sample(token_type, finding.probably) if finding.probably else None,
        why=why,
        seen=_count(finding.token),
        places=finding.token.images,
    )


def _contrast_row(finding: LowContrast) -> Row:
    """Return a row whose samples are the text on its background."""
    behind = f"; --value: {finding.background.value.hex}"
    background = finding.background.name or finding.background.value.hex
    better = _sample(TokenType.COLOR, finding.probably)
    ratio, required = write_number(finding.ratio), write_number(finding.required)
    return Row(
        found=Sample(
            f"{finding.token.name} on {background}",
            f"{finding.token.value.hex} on {finding.background.value.hex}",
            f"--text: {finding.token.value.hex}{behind}",
        ),
        probably=Sample(
            better.name, better.value, f"--text: {finding.probably.value.hex}{behind}"
        ),
        why=f"{ratio} : 1, {required} : 1 needed",
        seen=f"{finding.lines} line" + ("" if finding.lines == 1 else "s"),
        places=finding.token.images,
    )


def _sample(token_type: TokenType, named: Token[Any] | Better[Any]) -> Sample:
    """Return a token or a value as it is shown; a value without a token has its own name."""
    value = _write(token_type, named.value)
    style = f"--value: {write_color(named.value)}" if isinstance(named.value, Color) else ""
    return Sample(named.name or value, value, style)


def _write(token_type: TokenType, value: Any) -> str:  # noqa: ANN401 - of any type
    if token_type is not TokenType.TYPOGRAPHY:
        return WRITERS[token_type](value)
    parts = write_style(value)
    size = parts["font-size"]
    if value.line_height is not None:
        size += f" / {parts['line-height']}"
    return " · ".join((size, parts["font-weight"], parts["font-family"]))


def _count(token: Token[Any]) -> str:
    uses = "1 use" if token.usage == 1 else f"{token.usage} uses"
    images = max(token.image_count, len(token.images))
    return uses if not images else f"{uses} in {images} image" + ("" if images == 1 else "s")
