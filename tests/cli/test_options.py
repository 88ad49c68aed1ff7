"""Options that several commands share."""

import pytest
import typer
from typer.testing import CliRunner

from cli.main import app

COMMANDS = ("up", "submit", "estimate", "status", "watch", "items", "jobs", "export", "cancel",
            "retry", "delete", "login")  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_calls_the_data_directory_the_same(command: str) -> None:
    parameters = typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]

    assert "--data-dir" in [name for parameter in parameters for name in parameter.opts]


def test_an_empty_data_directory_is_not_the_current_one() -> None:
    done = CliRunner().invoke(app, ["up", "--port", "0", "--data-dir", ""])

    assert done.exit_code == 2
    assert "--data-dir" in done.output
    assert "it is empty" in done.output
