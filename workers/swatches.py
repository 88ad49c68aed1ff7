"""Names for colors by their nearest swatch on a published scale.

Twenty-two hues in eleven steps of lightness, 50 to 950, that many designers know by heart: the
default palette of Tailwind CSS 3.4 (https://v3.tailwindcss.com/docs/customizing-colors). Nearness
is distance in OKLab. The five families of near-grays are all called gray.
"""

from functools import cache

import numpy as np

from shared.colorspace import Floats, levels_of_hex, oklab_of_srgb

STEPS = (50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 950)
_SCALES = (
    ("gray", "f8fafc f1f5f9 e2e8f0 cbd5e1 94a3b8 64748b 475569 334155 1e293b 0f172a 020617"),
    ("gray", "f9fafb f3f4f6 e5e7eb d1d5db 9ca3af 6b7280 4b5563 374151 1f2937 111827 030712"),
    ("gray", "fafafa f4f4f5 e4e4e7 d4d4d8 a1a1aa 71717a 52525b 3f3f46 27272a 18181b 09090b"),
    ("gray", "fafafa f5f5f5 e5e5e5 d4d4d4 a3a3a3 737373 525252 404040 262626 171717 0a0a0a"),
    ("gray", "fafaf9 f5f5f4 e7e5e4 d6d3d1 a8a29e 78716c 57534e 44403c 292524 1c1917 0c0a09"),
    ("red", "fef2f2 fee2e2 fecaca fca5a5 f87171 ef4444 dc2626 b91c1c 991b1b 7f1d1d 450a0a"),
    ("orange", "fff7ed ffedd5 fed7aa fdba74 fb923c f97316 ea580c c2410c 9a3412 7c2d12 431407"),
    ("amber", "fffbeb fef3c7 fde68a fcd34d fbbf24 f59e0b d97706 b45309 92400e 78350f 451a03"),
    ("yellow", "fefce8 fef9c3 fef08a fde047 facc15 eab308 ca8a04 a16207 854d0e 713f12 422006"),
    ("lime", "f7fee7 ecfccb d9f99d bef264 a3e635 84cc16 65a30d 4d7c0f 3f6212 365314 1a2e05"),
    ("green", "f0fdf4 dcfce7 bbf7d0 86efac 4ade80 22c55e 16a34a 15803d 166534 14532d 052e16"),
    ("emerald", "ecfdf5 d1fae5 a7f3d0 6ee7b7 34d399 10b981 059669 047857 065f46 064e3b 022c22"),
    ("teal", "f0fdfa ccfbf1 99f6e4 5eead4 2dd4bf 14b8a6 0d9488 0f766e 115e59 134e4a 042f2e"),
    ("cyan", "ecfeff cffafe a5f3fc 67e8f9 22d3ee 06b6d4 0891b2 0e7490 155e75 164e63 083344"),
    ("sky", "f0f9ff e0f2fe bae6fd 7dd3fc 38bdf8 0ea5e9 0284c7 0369a1 075985 0c4a6e 082f49"),
    ("blue", "eff6ff dbeafe bfdbfe 93c5fd 60a5fa 3b82f6 2563eb 1d4ed8 1e40af 1e3a8a 172554"),
    ("indigo", "eef2ff e0e7ff c7d2fe a5b4fc 818cf8 6366f1 4f46e5 4338ca 3730a3 312e81 1e1b4b"),
    ("violet", "f5f3ff ede9fe ddd6fe c4b5fd a78bfa 8b5cf6 7c3aed 6d28d9 5b21b6 4c1d95 2e1065"),
    ("purple", "faf5ff f3e8ff e9d5ff d8b4fe c084fc a855f7 9333ea 7e22ce 6b21a8 581c87 3b0764"),
    ("fuchsia", "fdf4ff fae8ff f5d0fe f0abfc e879f9 d946ef c026d3 a21caf 86198f 701a75 4a044e"),
    ("pink", "fdf2f8 fce7f3 fbcfe8 f9a8d4 f472b6 ec4899 db2777 be185d 9d174d 831843 500724"),
    ("rose", "fff1f2 ffe4e6 fecdd3 fda4af fb7185 f43f5e e11d48 be123c 9f1239 881337 4c0519"),
)
_ENDS = (("black", "000000"), ("white", "ffffff"))
# Where among all swatches the scale of pure grays begins: fourth of the scales.
_NEUTRAL = len(_ENDS) + 3 * len(STEPS)


def name_color(hex_color: str) -> str:
    """Return the nearest swatch's name, such as ``blue-600``, ``gray-100``, ``white``.

    Args:
        hex_color: ``#rrggbb``.
    """
    names, swatches = _swatches()
    distances = np.linalg.norm(swatches - oklab_of_srgb(levels_of_hex(hex_color)), axis=1)
    return names[int(np.argmin(distances))]


def name_color_finely(hex_color: str) -> str:
    """Return the nearest swatch's hue with a step between the published ones, as ``gray-230``.

    The step goes by OKLab lightness along the hue's own scale, with white at 0 and black at 1000,
    in tens.
    """
    names, swatches = _swatches()
    place = oklab_of_srgb(levels_of_hex(hex_color))
    nearest = int(np.argmin(np.linalg.norm(swatches - place, axis=1)))
    # Of the ends of the lightness axis, the scale of neutral grays is the continuation.
    first = nearest - (nearest - len(_ENDS)) % len(STEPS) if nearest >= len(_ENDS) else _NEUTRAL
    scale = swatches[first : first + len(STEPS), 0]
    step = np.interp(-place[0], -np.array([1.0, *scale, 0.0]), [0, *STEPS, 1000])
    return f"{names[first].partition('-')[0]}-{round(step / 10) * 10}"


def name_hue(hex_color: str) -> str:
    """Return the nearest swatch's name without its step, such as ``blue``."""
    return name_color(hex_color).partition("-")[0]


@cache
def _swatches() -> tuple[tuple[str, ...], Floats]:
    """Return the names of all swatches and their OKLab coordinates, shape (swatches, 3)."""
    named = [
        *_ENDS,
        *(
            (f"{family}-{step}", hex_color)
            for family, scale in _SCALES
            for step, hex_color in zip(STEPS, scale.split(), strict=True)
        ),
    ]
    levels = [levels_of_hex(hex_color) for _, hex_color in named]
    return tuple(name for name, _ in named), oklab_of_srgb(levels)
