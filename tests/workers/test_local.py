"""Local images are measured without any service, one JSON line each."""

import json
from pathlib import Path

import pytest

from tests import drawing
from workers.local import find_images, main


def write(folder: Path, name: str, kind: str = "PNG") -> Path:
    """Draw a page with a card and text into a folder."""
    page = drawing.draw_page(480, 320, "#f1f5f9")
    drawing.draw_box(page, (40, 40, 400, 200), "#ffffff", radius=8)
    drawing.draw_text(page, (64, 64), "Deliveries on their way", 20, "#0f172a")
    path = folder / name
    path.write_bytes(drawing.encode(page, kind))
    return path


def test_a_line_has_the_members_of_the_contract(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "home.png")

    assert main([str(path), "--jsonl"]) == 0

    line = json.loads(capsys.readouterr().out)
    assert line["image"] == "home.png"
    assert set(line) == {
        "image",
        "seconds",
        "dpr",
        "path",
        "color",
        "spacing",
        "typography",
        "shadow",
        "gradient",
        "radius",
    }
    assert {"hex": "#ffffff"}.items() <= line["color"][0].items()
    (radius,) = line["radius"]
    assert radius == {"px": 8.0, "count": 1, "confidence": radius["confidence"]}


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    write(tmp_path, "b.png")
    write(tmp_path, "a.jpg", "JPEG")
    (tmp_path / "notes.txt").write_text("not an image")

    assert [path.name for path in find_images([tmp_path])] == ["a.jpg", "b.png"]


def test_an_overlay_is_written_for_each_image(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, "home.png")

    assert main([str(tmp_path), "--overlay", str(tmp_path / "out")]) == 0

    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["home.png-2.overlay.svg", "home.png.overlay.svg"]
    assert "data:image/png;base64," in (tmp_path / "out" / names[1]).read_text(encoding="utf-8")


def test_a_bad_image_among_good_ones_is_named_and_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "good.png")
    (tmp_path / "bad.png").write_bytes(b"no image")

    assert main([str(tmp_path)]) == 3

    printed = capsys.readouterr()
    assert json.loads(printed.out)["image"] == "good.png"
    assert "bad.png" in printed.err


def test_nothing_readable_fails(tmp_path: Path) -> None:
    assert main([str(tmp_path / "absent.png")]) == 1
    assert main([str(tmp_path)]) == 1


def test_a_folder_without_images_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().err == "no image found\n"
