"""Token sets written as files: pure functions over Jinja2 templates."""
