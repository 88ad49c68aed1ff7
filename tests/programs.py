"""What a program that a test runs is started with."""

import os
import socket

OURS = ("COPYTHAT_", "ANTHROPIC_")
# All users of a test are one network, and hurry.
UNLIMITED = dict.fromkeys(
    (
        "COPYTHAT_READS_PER_MINUTE",
        "COPYTHAT_WRITES_PER_MINUTE",
        "COPYTHAT_SUBMISSIONS_PER_MINUTE",
        "COPYTHAT_LOGINS_PER_MINUTE",
        "COPYTHAT_REGISTRATIONS_PER_HOUR",
    ),
    "1000000",
)


def environment(**more: str) -> dict[str, str]:
    """Return this process's variables, without settings that somebody made for themselves."""
    inherited = {name: v for name, v in os.environ.items() if not name.startswith(OURS)}
    return inherited | UNLIMITED | more


def free_port() -> int:
    """Return a port that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
