"""The one settings class: environment variables ``COPYTHAT_*``, read once by each program.

``ANTHROPIC_API_KEY`` and ``ANTHROPIC_BASE_URL`` keep the names the SDK gives them. A setting
that cannot be true is an error at start that names it.
"""

import os
import pwd
import re
from decimal import Decimal
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import StartError

MIB = 1024 * 1024
GIB = 1024 * MIB
# What S3 allows a bucket to be called; keys under a prefix are ours, and so is its grammar.
_BUCKET_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/\w[\w.-]*)*/?", re.ASCII)
# RFC 6454, section 6.2; browsers write hosts in lower case.
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?", re.ASCII)


def home() -> Path:
    """Return the user's home directory, also where ``HOME`` is unset or empty.

    Raises:
        StartError: The user has no home at all, as in some containers.
    """
    if from_environment := os.environ.get("HOME"):
        return Path(from_environment)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError as error:
        raise StartError("this user has no home directory: set COPYTHAT_DATA_DIR") from error


class Settings(BaseSettings):
    """Where things are, how much is allowed, which model names tokens."""

    model_config = SettingsConfigDict(
        env_prefix="COPYTHAT_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    database_url: str = "postgresql+psycopg:///copythat"
    broker_url: str = "redis://127.0.0.1:6379/0"
    data_dir: Annotated[Path, Field(default_factory=lambda: home() / ".local/share/copythat")]
    # Signs access tokens. `up` makes one and keeps it in the data directory. Of several, separated
    # by commas, the first one signs, and what the others have signed is still accepted.
    secret_key: SecretStr = SecretStr("")
    # Whether anybody may make an account; else `copythat account` alone does.
    open_registration: bool = True
    # Where images and archives are: `s3://bucket/prefix`, or `blobs` in the data directory. What
    # S3 needs besides has its usual names: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
    # AWS_ENDPOINT_URL.
    blob_url: str | None = None

    anthropic_api_key: Annotated[SecretStr | None, Field(alias="ANTHROPIC_API_KEY")] = None
    anthropic_base_url: Annotated[str | None, Field(alias="ANTHROPIC_BASE_URL")] = None
    claude_model: str = "claude-haiku-5-5"
    # How long Claude may be silent before a call counts as lost and is made again later. An answer
    # comes in one piece after some seconds, more of them where the model thinks. With the other
    # bounds of a call, the most is under the 60 s of a work lease.
    claude_timeout_s: Annotated[float, Field(gt=0, le=40)] = 40.0
    # What all calls to Claude may cost together from midnight to midnight, UTC. Images past it are
    # named by rule. Unset: as much as the account allows.
    daily_cost_cap_usd: Annotated[Decimal | None, Field(ge=0)] = None

    max_image_bytes: int = 32 * MIB
    max_image_pixels: int = 50_000_000
    max_image_side_px: int = 20_000
    max_archive_members: int = 10_000
    max_archive_bytes: int = 2 * GIB
    max_compression_ratio: int = 200
    max_request_bytes: int = GIB
    # Images that may wait before more are refused: two full archives of one user, and what keeps
    # two cv workers busy for most of a day.
    max_queued_items_per_user: int = 20_000
    max_queued_items: int = 100_000
    # What uploads leave of the disk that they are stored on, for what else writes there.
    disk_reserve_bytes: int = 256 * MIB
    # Requests of one account; a key has half of each, a network twice as much. Logins and
    # registrations are those of a network.
    reads_per_minute: Annotated[int, Field(gt=0)] = 6000
    writes_per_minute: Annotated[int, Field(gt=0)] = 600
    submissions_per_minute: Annotated[int, Field(gt=0)] = 240
    logins_per_minute: Annotated[int, Field(gt=0)] = 60
    registrations_per_hour: Annotated[int, Field(gt=0)] = 20
    # The Redis that counts them. Unset: the broker's; where that is RabbitMQ, each process of the
    # API counts for itself.
    rate_limit_url: str | None = None
    # Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses and networks,
    # separated by commas.
    trusted_proxies: str = ""
    # Sites whose scripts may use the API, with a token of their own, separated by commas, such as
    # `https://tokens.example.com`. Unset: none.
    cors_origins: str = ""
    results_kept_days: int = 30
    # Lets webhooks go to plain HTTP and to addresses that are not on the public Internet. Only for
    # a service whose users may reach whatever it can reach.
    webhook_allow_private: bool = False

    @field_validator("anthropic_api_key", mode="after")
    @classmethod
    def _empty_key_is_no_key(cls, key: SecretStr | None) -> SecretStr | None:
        """Treat an empty key as unset: the SDK would report a connection error for it."""
        return key if key is not None and key.get_secret_value().strip() else None

    @field_validator("blob_url", mode="after")
    @classmethod
    def _blobs_are_in_a_bucket(cls, url: str | None) -> str | None:
        """Refuse what names no bucket; credentials in it would end in logs."""
        if url is not None and not _BUCKET_URL.fullmatch(url):
            raise ValueError("has to be s3://bucket or s3://bucket/prefix")
        return url

    @field_validator("trusted_proxies", mode="after")
    @classmethod
    def _proxies_are_addresses(cls, text: str) -> str:
        """Refuse what is no address, which would be trusted from nobody without a word."""
        for part in _parts(text):
            ip_network(part)
        return text

    @field_validator("cors_origins", mode="after")
    @classmethod
    def _origins_are_whole(cls, text: str) -> str:
        """Refuse what no browser sends as its origin, and `*`, which is everybody."""
        for part in _parts(text):
            if not _ORIGIN.fullmatch(part):
                raise ValueError(f"{part!r} is not of the form https://host or https://host:port")
        return text

    @property
    def origins(self) -> list[str]:
        """Sites whose scripts may use the API."""
        return _parts(self.cors_origins)

    @property
    def proxies(self) -> list[str]:
        """Whose forwarding headers are believed."""
        return _parts(self.trusted_proxies)

    @property
    def blob_dir(self) -> Path:
        """The directory that holds images and archives by hash, unless a bucket does."""
        return self.data_dir / "blobs"

    @property
    def has_claude(self) -> bool:
        """Whether a Claude key is configured, which makes `hybrid` the default mode."""
        return self.anthropic_api_key is not None


def _parts(text: str) -> list[str]:
    return [part for word in text.split(",") if (part := word.strip())]


@lru_cache
def load_settings() -> Settings:
    """Read the settings from the environment and `.env`.

    Raises:
        StartError: A setting does not hold a value of its kind.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        message = f"setting {name}: {first['msg']}"
        raise StartError(message) from error
