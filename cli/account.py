"""`copythat account`: make and change accounts, beside the database rather than over HTTP."""

from typing import Annotated

import typer

from cli import service
from cli.options import DataDirOption
from cli.run import become, running_service

app = typer.Typer(
    name="account",
    help="Make and change accounts of a service that you run.",
    no_args_is_help=True,
)

EmailArgument = Annotated[str, typer.Argument(help="The address that they sign in with.")]
PasswordOption = Annotated[
    str,
    typer.Option(
        prompt=True,
        hide_input=True,
        confirmation_prompt=True,
        envvar="COPYTHAT_PASSWORD",
        help="Asked for if absent.",
    ),
]


@app.command()
def add(
    email: EmailArgument,
    password: PasswordOption,
    admin: Annotated[bool, typer.Option("--admin", help="An administrator.")] = False,  # noqa: FBT002 -- a flag
    data_dir: DataDirOption = None,
) -> None:
    """Make an account, also where registration is closed."""
    command = service.account_command("add", email, "--role", "admin" if admin else "user")
    become(command, **running_service(data_dir), COPYTHAT_PASSWORD=password)


@app.command()
def role(
    email: EmailArgument,
    role: Annotated[str, typer.Argument(help="user or admin")],
    data_dir: DataDirOption = None,
) -> None:
    """Make somebody an administrator, or a user again."""
    become(service.account_command("role", email, "--role", role), **running_service(data_dir))


@app.command()
def password(
    email: EmailArgument, password: PasswordOption, data_dir: DataDirOption = None
) -> None:
    """Give somebody another password, and end their sessions; API keys stay."""
    command = service.account_command("password", email)
    become(command, **running_service(data_dir), COPYTHAT_PASSWORD=password)
