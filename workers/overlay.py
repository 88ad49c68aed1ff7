"""Marks over an image, as SVG: what was measured, where, at any zoom.

One unit of the drawing is one pixel of the image, so that an overlay lies exactly on it. It knows
no measurements and no pixels, only layers of marks; ``marks`` makes these.
"""

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

NAMESPACE = "http://www.w3.org/2000/svg"
FONT = "system-ui, sans-serif"
# Sizes at one device pixel a CSS pixel.
LABEL_PX, KEY_PX = 9, 12
PANEL_PX, ROW_PX = 176, 26
HIDDEN_OPACITY = 0.35
# A click on a row of the key shows its layer or hides it.
SCRIPT = (
    "<script>for (const key of document.querySelectorAll('[data-layer]')) key.onclick = () => {"
    "const layer = document.getElementById(key.dataset.layer),"
    "hide = layer.getAttribute('display') !== 'none';"
    "layer.setAttribute('display', hide ? 'none' : 'inline');"
    f"key.setAttribute('opacity', hide ? {HIDDEN_OPACITY} : 1);}}</script>"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One place where a value was measured.

    ``path`` is SVG path data and ``at`` where the label begins, both in image pixels; ``title``
    is told on hovering; ``swatch`` is a ``#rrggbb`` that fills the path in place of the layer's.
    """

    path: str
    title: str
    at: tuple[float, float] = (0, 0)
    label: str = ""
    swatch: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """The marks of one kind. ``fill`` is the opacity of its paths' insides."""

    id: str
    color: str
    fill: float
    marks: tuple[Mark, ...]


def draw_overlay(size: tuple[int, int], layers: Sequence[Layer], scale: float = 1) -> str:
    """Draw layers alone, to be laid over the image.

    Args:
        size: width and height of the image in its pixels.
        layers: each becomes a group with the layer's id.
        scale: image pixels a CSS pixel, for the size of labels.

    Returns:
        A transparent SVG document in image pixels, one ``<g>`` a layer.
    """
    width, height = size
    groups = "".join(_draw_layer(layer, scale) for layer in layers)
    return f'<svg xmlns="{NAMESPACE}" viewBox="0 0 {width} {height}">{groups}</svg>'


def draw_sheet(
    size: tuple[int, int],
    png: bytes,
    layers: Sequence[Layer],
    *,
    scale: float,
    shown: Collection[str],
) -> str:
    """Draw layers over the image they belong to, with a key beside it that shows and hides them.

    The sheet is one file that needs nothing else: any browser opens it from a disk, and drawing
    programs read its layers as groups.

    Args:
        size: width and height of the image in its pixels.
        png: the image itself.
        layers: from the lowest to the topmost.
        scale: image pixels a CSS pixel; the sheet is as large as the page was.
        shown: ids of the layers that are seen at first.
    """
    width, height = size
    panel = PANEL_PX * scale
    tall = max(height, (len(layers) + 2) * ROW_PX * scale)
    picture = base64.b64encode(png).decode()
    head = (
        f'<svg xmlns="{NAMESPACE}" viewBox="0 0 {_px(width + panel)} {_px(tall)}" '
        f'width="{_px((width + panel) / scale)}" height="{_px(tall / scale)}">'
        '<rect width="100%" height="100%" fill="#f8f9fa"/>'
        f'<image width="{width}" height="{height}" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{picture}"/>'
    )
    hidden = ' display="none"'
    groups = [_draw_layer(each, scale, "" if each.id in shown else hidden) for each in layers]
    keys = [
        _draw_key(each, row, 1 if each.id in shown else HIDDEN_OPACITY)
        for row, each in enumerate(layers)
    ]
    place = f'<g transform="translate({width} 0) scale({_px(scale)})">'
    return "".join([head, *groups, place, *keys, "</g>", SCRIPT, "</svg>"])


def _draw_layer(layer: Layer, scale: float, attributes: str = "") -> str:
    """Draw a layer's shapes and then its labels; ``attributes`` are the group's own."""
    shapes = "".join(_draw_shape(mark) for mark in layer.marks)
    labels = "".join(
        f'<text x="{_px(mark.at[0])}" y="{_px(mark.at[1])}">{escape(mark.label)}</text>'
        for mark in layer.marks
        if mark.label
    )
    return (
        f'<g id="{layer.id}"{attributes}>'
        f'<g fill="{layer.color}" fill-opacity="{layer.fill}" stroke="{layer.color}">{shapes}</g>'
        f'<g fill="{layer.color}" stroke="#fff" stroke-width="{_px(3 * scale)}" '
        f'paint-order="stroke" font-family="{FONT}" font-size="{_px(LABEL_PX * scale)}" '
        f'pointer-events="none">{labels}</g></g>'
    )


def _draw_shape(mark: Mark) -> str:
    """Draw one mark's path, its outline one pixel of the screen at any zoom."""
    swatch = f' fill="{mark.swatch}" fill-opacity="1"' if mark.swatch else ""
    return (
        f'<path d="{mark.path}" vector-effect="non-scaling-stroke"{swatch}>'
        f"<title>{escape(mark.title)}</title></path>"
    )


def _draw_key(layer: Layer, row: int, opacity: float) -> str:
    """Draw one row of the key, in CSS pixels from the panel's top left corner."""
    y = (row + 1) * ROW_PX
    return (
        f'<g data-layer="{layer.id}" opacity="{opacity}" cursor="pointer" font-family="{FONT}" '
        f'font-size="{KEY_PX}"><rect x="8" y="{y - 17}" width="{PANEL_PX - 16}" '
        f'height="{ROW_PX - 2}" fill="#fff" rx="4"/><rect x="16" y="{y - 11}" width="{KEY_PX}" '
        f'height="{KEY_PX}" fill="{layer.color}" rx="2"/>'
        f'<text x="36" y="{y - 1}">{escape(layer.id)}</text>'
        f'<text x="{PANEL_PX - 16}" y="{y - 1}" text-anchor="end">{len(layer.marks)}</text></g>'
    )


def _px(value: float) -> str:
    """Return a length with no more digits than it needs."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
