"""What holds for every format."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given

from shared.export import Format, export
from shared.tokens import TokenSet
from tests.token_sets import EMPTY, RICH, any_sets

GOLDEN = Path(__file__).parents[2] / "golden"
FILES = {
    Format.W3C: "tokens.json",
    Format.LEGACY: "legacy.tokens.json",
    Format.CSS: "tokens.css",
    Format.SCSS: "tokens.scss",
    Format.REACT: "theme.ts",
    Format.TAILWIND: "tailwind.css",
    Format.TAILWIND3: "tailwind.config.js",
    Format.HTML: "tokens.html",
    Format.ZIP: "tokens.zip",
}


def unzip(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("format_", Format)
def test_each_format_has_its_file_name(format_: Format) -> None:
    assert export(RICH, format_).name == FILES[format_]


@pytest.mark.parametrize("set_name", ["rich", "empty"])
def test_exports_are_the_golden_files(set_name: str) -> None:
    """``python -m tests.golden.write`` writes them anew; look at the difference."""
    token_set = {"rich": RICH, "empty": EMPTY}[set_name]
    golden = {path.name: path.read_text() for path in (GOLDEN / set_name).iterdir()}

    exported = unzip(export(token_set, Format.ZIP).content)

    assert {name: exported[name].decode() for name in golden} == golden


@given(token_set=any_sets)
def test_the_same_set_gives_the_same_bytes(token_set: TokenSet) -> None:
    again = TokenSet.model_validate(token_set.model_dump())

    assert export(again, Format.ZIP) == export(token_set, Format.ZIP)


@pytest.mark.parametrize("format_", [Format.W3C, Format.CSS, Format.HTML])
def test_what_too_few_images_show_is_in_no_file(format_: Format) -> None:
    first, *others = RICH.tokens.radius
    tokens = RICH.tokens.model_copy(
        update={
            "radius": (first, *(each.model_copy(update={"confirmed": False}) for each in others))
        }
    )
    without = RICH.tokens.model_copy(update={"radius": (first,)})

    partly, less = (RICH.model_copy(update={"tokens": each}) for each in (tokens, without))

    assert export(partly, format_) == export(less, format_) != export(RICH, format_)


@given(token_set=any_sets)
def test_the_zip_holds_every_file_and_tells_their_sizes(token_set: TokenSet) -> None:
    files = unzip(export(token_set, Format.ZIP).content)

    manifest = json.loads(files.pop("manifest.json"))
    assert set(files) == {*FILES.values()} - {"tokens.zip"}
    assert {each["name"]: each["bytes"] for each in manifest["files"]} == {
        name: len(content) for name, content in files.items()
    }
    assert manifest["sourceImages"] == list(token_set.source_images)
    assert manifest["counts"] == {
        token_type.value: len(tokens) for token_type, tokens in token_set.tokens.by_type()
    }


def test_legacy_values_are_strings_all_the_way_down() -> None:
    document = json.loads(export(RICH, Format.LEGACY).content)

    values = [
        token["$value"] for group in document["copy-that"].values() for token in group.values()
    ]
    parts = [part for value in values if isinstance(value, dict) for part in value.values()]
    assert {type(value) for value in values} == {str, dict}
    assert {type(part) for part in parts} == {str}
