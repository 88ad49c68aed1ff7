"""The `copythat` command."""

import os
import sys

import typer

from cli import account, insight, jobs, run
from cli.demo import demo
from cli.estimate import estimate
from cli.failure import ExitCode, Failure
from cli.login import login
from cli.screen import say
from cli.submit import submit
from shared.errors import StartError

app = typer.Typer(
    name="copythat",
    help="Design tokens, measured from screenshots.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.command("up")(run.run_up)
app.command("api")(run.run_api)
app.command("worker")(run.run_worker)
app.command("pump")(run.run_pump)
app.command("migrate")(run.run_migrate)
app.command("rotate-key")(run.rotate_key)
app.command("doctor")(run.doctor)
app.command("measure")(run.measure)
app.command("submit")(submit)
app.command("estimate")(estimate)
app.command("status")(jobs.status)
app.command("watch")(jobs.watch)
app.command("items")(jobs.items)
app.command("jobs")(jobs.list_jobs)
app.command("export")(jobs.export)
app.command("diff")(insight.diff)
app.command("report")(insight.report)
app.command("check")(insight.check)
app.command("cancel")(jobs.cancel)
app.command("retry")(jobs.retry)
app.command("delete")(jobs.delete)
app.command("login")(login)
app.add_typer(account.app)
app.command("demo")(demo)


def main() -> None:
    """Run a command; an error is one line on standard error and an exit code."""
    try:
        app()
    except BrokenPipeError:
        # Whoever reads us, such as `head`, has seen enough; nothing is to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.DONE)
    except Failure as failure:
        say(f"copythat: {failure}")
        sys.exit(failure.exit_code)
    except StartError as error:
        say(f"copythat: {error}")
        sys.exit(ExitCode.WRONG_USAGE)


if __name__ == "__main__":
    main()
