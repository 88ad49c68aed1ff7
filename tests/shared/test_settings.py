"""Settings as programs find them in their environment."""

from pathlib import Path

import pytest

from shared.errors import StartError
from shared.settings import home, load_settings


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Read the settings anew, with no `.env` in reach."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "COPYTHAT_DATA_DIR",
        "ANTHROPIC_API_KEY",
        "COPYTHAT_MAX_IMAGE_BYTES",
        "COPYTHAT_BLOB_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    load_settings.cache_clear()


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPYTHAT_DATA_DIR", "")

    assert load_settings().data_dir == home() / ".local/share/copythat"


@pytest.mark.parametrize("key", ["", "  "])
def test_a_blank_key_is_no_key(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)

    assert load_settings().has_claude is False


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPYTHAT_MAX_IMAGE_BYTES", "plenty")

    with pytest.raises(StartError, match="MAX_IMAGE_BYTES"):
        load_settings()


@pytest.mark.parametrize("url", ["s3://copythat", "s3://a.bucket-1/with/a_prefix", "s3://abc/d/"])
def test_files_may_be_in_a_bucket(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("COPYTHAT_BLOB_URL", url)

    assert load_settings().blob_url == url


@pytest.mark.parametrize(
    "url",
    ["s3://", "s3:///prefix", "s3://b", "s3://key:secret@bucket", "s3://bucket?x=1", "/var/blobs",
     "https://bucket.example/prefix", "gs://bucket", "S3://bucket", "s3://bucket/a//b",
     "s3://bucket/../b"],
)  # fmt: skip
def test_a_wrong_url_of_a_bucket_is_named(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("COPYTHAT_BLOB_URL", url)

    with pytest.raises(StartError, match=r"BLOB_URL.*s3://bucket"):
        load_settings()


def test_a_user_without_home_variable_has_one_by_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "")

    assert home().is_absolute()
