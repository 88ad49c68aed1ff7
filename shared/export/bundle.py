"""All formats in one zip, with a manifest that says what they came from."""

import hashlib
import io
import zipfile
from collections.abc import Sequence

from shared.export.formats import File
from shared.export.rendering import render
from shared.tokens import TokenSet

# The earliest time a zip can hold: the same set must give the same bytes at any time.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16


def write_bundle(token_set: TokenSet, files: Sequence[File]) -> File:
    """Return ``tokens.zip`` with the files of the set and ``manifest.json``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in (*files, _write_manifest(token_set, files)):
            member = zipfile.ZipInfo(file.name, _EPOCH)
            member.external_attr = _READABLE
            archive.writestr(member, file.content, zipfile.ZIP_DEFLATED)
    return File("tokens.zip", "application/zip", buffer.getvalue())


def _write_manifest(token_set: TokenSet, files: Sequence[File]) -> File:
    content = render(
        "manifest.json.j2",
        pipeline_version=token_set.pipeline_version,
        counts={token_type.value: len(each) for token_type, each in token_set.tokens.by_type()},
        images=token_set.source_images,
        files=[
            {
                "name": file.name,
                "mediaType": file.media_type,
                "bytes": len(file.content),
                "sha256": hashlib.sha256(file.content).hexdigest(),
            }
            for file in files
        ],
    )
    return File("manifest.json", "application/json", content)
