"""The one call to Claude that names what was measured, and the checks on its answer."""
