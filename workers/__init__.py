"""The Celery programs: measuring pixels, naming what was measured, assembling token sets."""
