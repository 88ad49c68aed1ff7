"""How a command ends that did not do what it was asked."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What scripts may rely on."""

    DONE = 0
    JOB_FAILED = 1
    # The same to a shell: a comparison ends as diff(1) does.
    DIFFERENT = 1
    WRONG_USAGE = 2
    PARTLY_FAILED = 3
    UNREACHABLE = 4


class Failure(Exception):
    """One line for the person at the terminal, and the exit code for the script."""

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Limited(Failure):
    """A quota of requests is used up: the next one begins after ``wait_s`` seconds."""

    def __init__(self, message: str, wait_s: int) -> None:
        super().__init__(message, ExitCode.UNREACHABLE)
        self.wait_s = wait_s


class LostConnection(Failure):
    """The service was there and did not answer: what was asked may have been done or not."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ExitCode.UNREACHABLE)
