"""Options that several commands share, and the service that they lead to."""

from pathlib import Path
from typing import Annotated

import typer

from cli import credentials
from cli.client import Client
from cli.data_dir import DataDir
from shared.settings import load_settings


def _directory(text: str) -> Path:
    """Read the name of a directory: an unset shell variable names none, not the current one."""
    if not text:
        raise typer.BadParameter("it is empty")
    return Path(text)


DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        parser=_directory,
        metavar="<path>",
        help="Where data, logs and credentials are; default: COPYTHAT_DATA_DIR.",
    ),
]
UrlOption = Annotated[
    str | None, typer.Option(envvar="COPYTHAT_URL", help="Address of the service.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the service's own JSON.")]


def data_dir(chosen: Path | None) -> DataDir:
    """Return the data directory of this call."""
    return DataDir((chosen or load_settings().data_dir).expanduser().absolute())


def connect(url: str | None, chosen: Path | None) -> Client:
    """Return the service that options, environment or the last `up` or `login` name."""
    return Client.of(credentials.find_credentials(data_dir(chosen), url))
