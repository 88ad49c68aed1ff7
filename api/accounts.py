"""`python -m api.accounts`: accounts, made and changed by whoever runs the service.

Passwords come in the environment as COPYTHAT_PASSWORD, since arguments can be read by others.
"""

import argparse
import os
import sys
from collections.abc import Callable
from http import HTTPStatus

from pydantic import ValidationError
from sqlalchemy import Connection

from api.errors import status_of
from api.passwords import hash_password
from api.schemas import Registration
from shared.db import users
from shared.db.engine import connect, transaction
from shared.db.users import Role
from shared.errors import CopyThatError, StartError
from shared.settings import load_settings

# As of the command line: see `cli.failure`.
DONE, WRONG_USAGE, UNREACHABLE = 0, 2, 4


def add(connection: Connection, arguments: argparse.Namespace) -> str:
    """Make an account."""
    account = _registration(arguments.email)
    email = account.email.lower()
    users.create_user(connection, email, hash_password(account.password), Role(arguments.role))
    return f"{email} may sign in"


def change_role(connection: Connection, arguments: argparse.Namespace) -> str:
    """Change what somebody may do."""
    email = arguments.email.lower()
    users.set_role(connection, email, Role(arguments.role))
    return f"{email} is {arguments.role}"


def change_password(connection: Connection, arguments: argparse.Namespace) -> str:
    """Give somebody another password."""
    account = _registration(arguments.email)
    email = account.email.lower()
    users.set_password(connection, email, hash_password(account.password))
    return f"{email} has a new password; all their sessions have ended"


def _registration(email: str) -> Registration:
    return Registration(email=email, password=os.environ.get("COPYTHAT_PASSWORD", ""))


COMMANDS: dict[str, Callable[[Connection, argparse.Namespace], str]] = {
    "add": add,
    "role": change_role,
    "password": change_password,
}


def main() -> int:
    """Do what the arguments say; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m api.accounts", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("email")
    parser.add_argument("--role", choices=[*Role], default=Role.USER)
    arguments = parser.parse_args()
    try:
        done = _run(arguments)
    except ValidationError as error:
        first = error.errors()[0]
        return _refused(f"{first['loc'][-1]}: {first['msg']}", WRONG_USAGE)
    except StartError as error:
        return _refused(str(error), WRONG_USAGE)
    except CopyThatError as error:
        away = status_of(type(error)) is HTTPStatus.SERVICE_UNAVAILABLE
        return _refused(error.detail, UNREACHABLE if away else WRONG_USAGE)
    print(done)  # noqa: T201 -- for the person at it
    return DONE


def _run(arguments: argparse.Namespace) -> str:
    engine = connect(load_settings().database_url)
    try:
        with transaction(engine) as connection:
            return COMMANDS[arguments.command](connection, arguments)
    finally:
        engine.dispose()


def _refused(reason: str, exit_code: int) -> int:
    print(f"copythat: {reason}", file=sys.stderr)  # noqa: T201 -- likewise
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
