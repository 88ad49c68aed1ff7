"""Measurements of one image from its pixels: pure functions over arrays."""
