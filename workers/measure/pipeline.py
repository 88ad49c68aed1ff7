"""From the pixels of one image to its measurements, stage by stage."""

from workers.measure.boxes import find_elements
from workers.measure.calibration import calibrate
from workers.measure.colors import measure_colors
from workers.measure.gradients import find_gradients, measure_gradients
from workers.measure.measurements import Box, Measurements, Path
from workers.measure.palette import snap_palette
from workers.measure.photo import find_outlines, smooth
from workers.measure.preprocess import choose_path, pack
from workers.measure.radii import measure_radii
from workers.measure.scale import find_device_ratio
from workers.measure.scene import Rgb, Scene
from workers.measure.shadows import measure_shadows
from workers.measure.spacing import measure_spacing
from workers.measure.steps import measure_steps
from workers.measure.text import find_lines
from workers.measure.typography import measure_typography


def measure_image(rgb: Rgb, *, name: str = "") -> Measurements:
    """Measure the design values that one image shows.

    Args:
        rgb: (height, width, 3) uint8, red green blue.
        name: the file's name without its folder, which may state the device ratio (``@2x``).

    Returns:
        The measurements, lengths in CSS pixels. A blank image has none but its color.
    """
    return measure_scene(read_scene(rgb, name=name))


def measure_scene(scene: Scene) -> Measurements:
    """Measure the design values of a scene that was read before."""
    return calibrate(sum_up(scene))


def sum_up(scene: Scene) -> Measurements:
    """Measure a scene's values, each as sure as it was read from the pixels."""
    height, width = scene.packed.shape
    return Measurements(
        width=width,
        height=height,
        dpr=scene.dpr,
        path=scene.path,
        colors=measure_colors(scene),
        spacing=measure_spacing(scene),
        typography=measure_typography(scene),
        shadows=measure_shadows(scene),
        gradients=measure_gradients(scene),
        radii=measure_radii(scene),
    )


def read_scene(rgb: Rgb, *, name: str = "") -> Scene:
    """Find the elements, gradients and text lines of one image.

    Args:
        rgb: (height, width, 3) uint8, red green blue.
        name: the file's name without its folder.

    Returns:
        The scene, in device pixels.
    """
    path = choose_path(rgb)
    clean, original, outlines = _read_pixels(rgb, path)
    packed = pack(clean)
    steps = measure_steps(clean)
    gradients = find_gradients(clean, packed, steps) if path is Path.EXACT else ()
    elements, background = find_elements(clean, packed, steps, gradients, original, outlines)
    del steps, clean
    lines = find_lines(rgb if original is None else original, packed, background, elements)
    dpr = find_device_ratio(rgb.shape[1], elements, lines, name)
    return Scene(rgb, packed, background, path, dpr, elements, gradients, lines)


def _read_pixels(rgb: Rgb, path: Path) -> tuple[Rgb, Rgb | None, list[Box]]:
    """Return the image without noise; with its noise, where it had some; boxes by their edges."""
    if path is Path.EXACT:
        return rgb, None, []
    if path is Path.PALETTE:
        return snap_palette(rgb), rgb, []
    quiet = smooth(rgb)
    return snap_palette(quiet), quiet, find_outlines(rgb)
