"""File names that strangers chose, as text that can be stored and shown."""

import unicodedata

# As long as Linux lets a path be; a longer name is cut, since it is only shown.
MAX_FILENAME = 1024
# A name of which nothing can be shown.
UNNAMED = "unnamed"


def clean_filename(name: str) -> str:
    """Return a name without control characters and not endless; ``UNNAMED`` for none.

    Terminals obey escape sequences, marks of writing direction disguise an ending, and
    PostgreSQL stores neither NUL nor half a surrogate pair.
    """
    whole = name.encode("utf-8", "replace").decode()
    shown = "".join(sign for sign in whole if unicodedata.category(sign)[0] != "C")
    return shown[:MAX_FILENAME] or UNNAMED
