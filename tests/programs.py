"""What a program that a test runs is started with."""

import os
import socket

OURS = ("COPYTHAT_", "ANTHROPIC_")


def environment(**more: str) -> dict[str, str]:
    """Return this process's variables, without settings that somebody made for themselves."""
    return {name: v for name, v in os.environ.items() if not name.startswith(OURS)} | more


def free_port() -> int:
    """Return a port that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
