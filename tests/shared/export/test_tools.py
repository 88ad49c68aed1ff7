"""The exports, read by the tools that people feed them to (``tests/validate``).

Each tool must take its file without a complaint and come to the values of ``tokens.css``; Style
Dictionary does so from ``tokens.json``, the kind and the angle of gradients included.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shared.export.toolbox import ROOT, TIMEOUT_S, draw_sets, install, sample_job, write
from tests.token_sets import RICH

RANDOM_SETS = 200
pytestmark = pytest.mark.timeout(TIMEOUT_S)
# What the tools complain about in some folders of exports, a line a complaint.
Validate = Callable[..., str]


# A file, what stands in it, what is put there instead, and how the complaint about it begins.
WRONG = (
    ("tokens.css", "--spacing-16: 16px", "--spacing-16: 17px", ": style-dictionary: --spacing-16"),
    ("tokens.css", "rgb(0 0 0 / 12%)", "rgba(0, 0, 0, 0.12)", ": css: Expected modern color"),
    ("tokens.json", '"angle": 135.25', '"angle": 45', ": style-dictionary: --gradient-hero"),
    ("tokens.json", '"kind": "radial"', '"kind": "linear"', ": style-dictionary: --gradient-glow"),
    ("tokens.json", '"unit": "rem"', '"unit": "em"', ": terrazzo: "),
    ("tokens.scss", "$spacing-16: 16px", "$spacing-16: 17px", ": sass: --spacing-16"),
    ("theme.ts", '"fontWeight": 700', '"fontWeight": 600', ": react: --typography-heading"),
    ("theme.ts", '"fontWeight": 700', '"fontWeight": bold', "/theme.ts: Cannot find name"),
    (
        "tailwind.css",
        "--color-color-transparent",
        "--color-transparent",
        ": tailwind4: .bg-transparent",
    ),
    ("tailwind.config.js", "colors:", "colours:", ": tailwind3: "),
)


@pytest.fixture(scope="module")
def validate(tmp_path_factory: pytest.TempPathFactory) -> Validate:
    tools = install(ROOT / "tests/validate", tmp_path_factory.mktemp("tools") / "validate")

    def run(*folders: Path) -> str:
        command = ["node", str(tools / "validate.mjs"), *map(str, folders)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        return done.stdout + done.stderr

    return run


def spoil(folder: Path, name: str, right: str, wrong: str) -> Path:
    file = folder / name
    text = file.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong))
    return folder


def test_what_the_sample_screens_come_to_passes_every_tool(
    validate: Validate, tmp_path: Path
) -> None:
    assert validate(write(sample_job(), tmp_path)) == ""


def test_any_set_passes_every_tool(validate: Validate, tmp_path: Path) -> None:
    sets = [RICH, *draw_sets(RANDOM_SETS)]

    assert validate(*(write(each, tmp_path / str(at)) for at, each in enumerate(sets))) == ""


def test_each_tool_complains_of_what_is_wrong(validate: Validate, tmp_path: Path) -> None:
    written = {
        tool: spoil(write(RICH, tmp_path / f"{at}"), file, right, wrong)
        for at, (file, right, wrong, tool) in enumerate(WRONG)
    }

    complaints = validate(*written.values()).splitlines()

    for tool, folder in written.items():
        assert [each for each in complaints if f"{folder}{tool}" in each], (tool, complaints)
