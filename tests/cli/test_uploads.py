import os
from pathlib import Path

import pytest

from cli.failure import ExitCode, Failure
from cli.uploads import LocalFile, SentFile, find_files


def names(*patterns: Path | str) -> list[str]:
    return [file.name for file in find_files(str(pattern) for pattern in patterns)]


def touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_file_is_sent_whatever_it_is_called(tmp_path: Path) -> None:
    assert names(touch(tmp_path / "screenshot")) == ["screenshot"]


def test_a_folder_gives_its_images_and_archives_by_their_paths_inside(tmp_path: Path) -> None:
    for name in ("b/two.PNG", "a.tar.gz", "notes.txt", ".hidden.png", "__MACOSX/a.png", "c.gz"):
        touch(tmp_path / name)

    assert names(tmp_path) == ["a.tar.gz", "b/two.PNG"]


def test_a_glob_is_expanded_where_the_shell_did_not(tmp_path: Path) -> None:
    for name in ("1.png", "2.png", "3.jpg", "deep/er/4.png"):
        touch(tmp_path / name)

    assert names(tmp_path / "*.png") == ["1.png", "2.png"]
    assert names(tmp_path / "**" / "4.png") == ["4.png"]


def test_a_name_with_brackets_is_not_taken_for_a_glob(tmp_path: Path) -> None:
    assert names(touch(tmp_path / "page [1].png")) == ["page [1].png"]


def test_a_file_named_twice_is_sent_once(tmp_path: Path) -> None:
    file = touch(tmp_path / "a.png")

    assert names(file, tmp_path, tmp_path / "*.png") == ["a.png"]


@pytest.mark.parametrize("pattern", ["absent.png", "*.png", "empty"])
def test_what_names_nothing_is_wrong_usage(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(Failure, match=pattern.replace("*", r"\*")) as caught:
        find_files([str(tmp_path / pattern)])
    assert caught.value.exit_code == ExitCode.WRONG_USAGE


def test_a_sent_file_is_read_in_pieces_that_are_counted(tmp_path: Path) -> None:
    path = touch(tmp_path / "a.png", b"12345")
    counted: list[int] = []
    sent = SentFile(LocalFile(path, "a.png", 5), counted.append)

    pieces = [sent.read(2), sent.read(2), sent.read(2), sent.read(2)]

    assert pieces == [b"12", b"34", b"5", b""]
    assert counted == [2, 2, 1]


def test_a_sent_file_says_its_length_without_being_opened(tmp_path: Path) -> None:
    sent = SentFile(LocalFile(tmp_path / "absent", "absent", 7), lambda _: None)

    assert sent.seek(0, os.SEEK_END) == 7


def test_a_file_that_grows_is_sent_as_long_as_it_was(tmp_path: Path) -> None:
    sent = SentFile(LocalFile(touch(tmp_path / "a", b"12345"), "a", 3), lambda _: None)

    assert sent.read() + sent.read() == b"123"


def test_a_file_that_shrank_ends_the_request(tmp_path: Path) -> None:
    sent = SentFile(LocalFile(touch(tmp_path / "a", b"1"), "a", 3), lambda _: None)
    sent.read()

    with pytest.raises(Failure, match="shrank"):
        sent.read()
