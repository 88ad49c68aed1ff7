"""Write the golden exports anew: ``python -m tests.golden.write``.

The page for people and the manifest, which knows its size, are left out: looks may change.
"""

import io
import shutil
import zipfile
from pathlib import Path

from shared.export import Format, export
from tests.token_sets import EMPTY, RICH

HERE = Path(__file__).parent

if __name__ == "__main__":
    for name, token_set in (("rich", RICH), ("empty", EMPTY)):
        shutil.rmtree(HERE / name, ignore_errors=True)
        archive = io.BytesIO(export(token_set, Format.ZIP).content)
        zipfile.ZipFile(archive).extractall(HERE / name)
        for changing in ("tokens.html", "manifest.json"):
            (HERE / name / changing).unlink()
