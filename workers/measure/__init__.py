"""Measurements of one image from its pixels: pure functions over arrays."""

from workers.measure.measurements import Measurements
from workers.measure.pipeline import measure_image, measure_scene, read_scene

__all__ = ["Measurements", "measure_image", "measure_scene", "read_scene"]
