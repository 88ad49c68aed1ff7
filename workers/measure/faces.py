"""Proportions of common typefaces, the yardstick that turns stroke lengths into font sizes.

A letter of cap height 10 is 13.8 px of Inter and 14.5 px of Arial, so a size can only be told
together with the face, or at least with one of its proportions. The numbers are facts of the
published font files, read from their outlines (H, x, l, n at half the x-height) in ems.
"""

from dataclasses import dataclass

from workers.measure.measurements import FamilyClass

REGULAR = 400
BOLD = 700


@dataclass(frozen=True, slots=True)
class Face:
    """One typeface in ems.

    ``cap``, ``x_height`` and ``ascender`` are the heights of H, x and l; ``pair`` is the
    distance between the two strokes of an n, at weight 400 and at 700; ``stems`` maps each
    weight that the family is published in to the width of n's stroke.
    """

    name: str
    family: FamilyClass
    cap: float
    x_height: float
    ascender: float
    pair: tuple[float, float]
    stems: tuple[tuple[int, float], ...]


def _face(
    name: str,
    heights: tuple[float, float, float],
    pair: tuple[float, float],
    stems: dict[int, float],
    family: FamilyClass = FamilyClass.SANS,
) -> Face:
    return Face(name, family, *heights, pair, tuple(stems.items()))


def _scale(first: int, *stems: float) -> dict[int, float]:
    """Return weights from ``first`` on in steps of 100."""
    return {first + 100 * step: stem for step, stem in enumerate(stems)}


_MONO = FamilyClass.MONO
_SERIF = FamilyClass.SERIF

# name, (cap, x, ascender), (n's strokes apart at 400, at 700), stroke widths
FACES: tuple[Face, ...] = (
    _face(
        "Inter",
        (0.727, 0.5455, 0.727),
        (0.348, 0.352),
        _scale(300, 0.063, 0.084, 0.106, 0.129, 0.151, 0.174, 0.196),
    ),
    _face(
        "Roboto",
        (0.711, 0.528, 0.750),
        (0.325, 0.316),
        _scale(300, 0.058, 0.090, 0.118, 0.129, 0.141, 0.153, 0.165),
    ),
    _face(
        "Arial, Helvetica, Liberation Sans",
        (0.688, 0.528, 0.725),
        (0.334, 0.342),
        {400: 0.088, 700: 0.137},
    ),
    _face(
        "Open Sans",
        (0.714, 0.535, 0.760),
        (0.365, 0.355),
        _scale(300, 0.049, 0.081, 0.098, 0.115, 0.149, 0.191),
    ),
    _face(
        "Noto Sans",
        (0.714, 0.536, 0.760),
        (0.364, 0.355),
        _scale(300, 0.057, 0.088, 0.106, 0.127, 0.151, 0.169, 0.191),
    ),
    _face(
        "Lato",
        (0.717, 0.5065, 0.737),
        (0.333, 0.324),
        {300: 0.048, 400: 0.089, 700: 0.1235, 900: 0.155},
    ),
    _face(
        "Poppins",
        (0.697, 0.548, 0.740),
        (0.400, 0.384),
        _scale(300, 0.070, 0.091, 0.114, 0.140, 0.171, 0.196, 0.222),
    ),
    _face(
        "Source Sans",
        (0.656, 0.486, 0.712),
        (0.307, 0.300),
        _scale(300, 0.044, 0.082, 0.099, 0.115, 0.147, 0.160, 0.172),
    ),
    _face(
        "Montserrat",
        (0.700, 0.525, 0.742),
        (0.413, 0.394),
        _scale(300, 0.050, 0.071, 0.096, 0.125, 0.156, 0.190, 0.226),
    ),
    _face(
        "Nunito",
        (0.705, 0.493, 0.712),
        (0.338, 0.333),
        _scale(300, 0.061, 0.081, 0.091, 0.101, 0.125, 0.151, 0.178),
    ),
    _face(
        "Nunito Sans",
        (0.705, 0.486, 0.705),
        (0.338, 0.333),
        _scale(300, 0.061, 0.081, 0.091, 0.101, 0.125, 0.151, 0.178),
    ),
    _face(
        "Mulish",
        (0.705, 0.502, 0.736),
        (0.350, 0.345),
        _scale(300, 0.061, 0.081, 0.091, 0.101, 0.125, 0.151, 0.178),
    ),
    _face(
        "DM Sans",
        (0.700, 0.504, 0.720),
        (0.359, 0.355),
        _scale(300, 0.070, 0.084, 0.100, 0.120, 0.135, 0.140, 0.150),
    ),
    _face(
        "Figtree",
        (0.700, 0.500, 0.700),
        (0.351, 0.331),
        _scale(300, 0.060, 0.080, 0.095, 0.112, 0.132, 0.156, 0.180),
    ),
    _face(
        "Fira Sans",
        (0.689, 0.527, 0.750),
        (0.309, 0.300),
        _scale(300, 0.058, 0.092, 0.128, 0.142, 0.158, 0.178, 0.198),
    ),
    _face(
        "IBM Plex Sans",
        (0.698, 0.516, 0.740),
        (0.323, 0.316),
        _scale(300, 0.057, 0.080, 0.109, 0.128, 0.148),
    ),
    _face(
        "Manrope",
        (0.720, 0.540, 0.720),
        (0.391, 0.374),
        _scale(300, 0.058, 0.074, 0.090, 0.106, 0.122, 0.138),
    ),
    _face(
        "Plus Jakarta Sans",
        (0.745, 0.536, 0.757),
        (0.355, 0.351),
        _scale(300, 0.060, 0.075, 0.093, 0.113, 0.131, 0.150),
    ),
    _face("PT Sans", (0.700, 0.500, 0.700), (0.321, 0.306), {400: 0.080, 700: 0.130}),
    _face(
        "Public Sans",
        (0.723, 0.517, 0.743),
        (0.341, 0.329),
        _scale(300, 0.078, 0.092, 0.107, 0.121, 0.146, 0.170, 0.195),
    ),
    _face(
        "Raleway",
        (0.710, 0.521, 0.730),
        (0.370, 0.353),
        _scale(300, 0.050, 0.068, 0.088, 0.110, 0.134, 0.160, 0.190),
    ),
    _face(
        "Rubik",
        (0.700, 0.520, 0.710),
        (0.367, 0.355),
        _scale(300, 0.061, 0.096, 0.136, 0.154, 0.175, 0.209, 0.244),
    ),
    _face(
        "Ubuntu",
        (0.693, 0.520, 0.776),
        (0.327, 0.305),
        {300: 0.065, 400: 0.093, 500: 0.121, 700: 0.149},
    ),
    _face(
        "Work Sans",
        (0.660, 0.500, 0.730),
        (0.358, 0.331),
        _scale(300, 0.050, 0.080, 0.107, 0.137, 0.170, 0.202, 0.230),
    ),
    _face("DejaVu Sans, Verdana", (0.729, 0.547, 0.760), (0.368, 0.375), {400: 0.090, 700: 0.175}),
    _face(
        "Times, Liberation Serif",
        (0.655, 0.459, 0.694),
        (0.270, 0.282),
        {400: 0.081, 700: 0.141},
        _SERIF,
    ),
    _face(
        "Source Serif",
        (0.670, 0.492, 0.735),
        (0.323, 0.322),
        _scale(300, 0.052, 0.091, 0.108, 0.126, 0.166, 0.181, 0.197),
        _SERIF,
    ),
    _face(
        "Merriweather",
        (0.743, 0.5555, 0.819),
        (0.360, 0.357),
        {300: 0.081, 400: 0.106, 700: 0.144, 900: 0.167},
        _SERIF,
    ),
    _face(
        "Courier-metric, Liberation Mono",
        (0.659, 0.528, 0.725),
        (0.334, 0.332),
        {400: 0.088, 700: 0.137},
        _MONO,
    ),
    _face(
        "DejaVu Sans Mono, Menlo",
        (0.729, 0.547, 0.760),
        (0.328, 0.328),
        {400: 0.090, 700: 0.150},
        _MONO,
    ),
    _face(
        "Roboto Mono",
        (0.711, 0.528, 0.750),
        (0.345, 0.335),
        _scale(300, 0.059, 0.090, 0.117, 0.126, 0.136),
        _MONO,
    ),
    _face(
        "JetBrains Mono",
        (0.730, 0.550, 0.730),
        (0.328, 0.323),
        _scale(300, 0.079, 0.090, 0.108, 0.117, 0.125, 0.150),
        _MONO,
    ),
)


def weight_of(face: Face, stem_em: float) -> int:
    """Return the published weight whose stroke comes nearest to a width in ems."""
    return min(face.stems, key=lambda entry: abs(entry[1] - stem_em))[0]
