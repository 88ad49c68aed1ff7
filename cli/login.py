"""`copythat login`: point the commands at a service elsewhere."""

from typing import Annotated

import typer

from cli import credentials
from cli.client import Client
from cli.credentials import Credentials
from cli.local_user import issue_key
from cli.options import DataDirOption, UrlOption, data_dir
from cli.screen import say

DEFAULT_URL = "http://127.0.0.1:8000"


def login(
    email: Annotated[str, typer.Option(prompt=True, help="Address that you registered with.")],
    password: Annotated[
        str,
        typer.Option(
            prompt=True, hide_input=True, envvar="COPYTHAT_PASSWORD", help="Asked for if absent."
        ),
    ],
    url: UrlOption = None,
    place: DataDirOption = None,
) -> None:
    """Sign in to a service; later commands use it, with an API key of their own."""
    directory = data_dir(place)
    address = Client(url or credentials.read(directory).get("url") or DEFAULT_URL).url
    key = issue_key(address, email, password)
    credentials.store(directory, Credentials(address, key))
    say(f"signed in to {address} as {email}")
