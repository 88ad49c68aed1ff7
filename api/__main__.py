"""`python -m api`: the HTTP service as a process of its own."""

import argparse
import resource
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.protocol import Protocol
from shared.errors import StartError
from shared.logging import configure_logging

# How long a stop waits for requests that are under way, uploads among them.
DRAIN_S = 20


class Server(uvicorn.Server):
    """A server that tells waiting requests to answer when it is asked to stop."""

    def __init__(
        self, app: FastAPI, host: str, port: int, protocol: type[Protocol] = Protocol
    ) -> None:
        """Serve an application at an address."""
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # the application knows whom to trust
                http=protocol,
                ws="none",
                timeout_graceful_shutdown=DRAIN_S,
            )
        )
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop in order; a second signal stops at once."""
        self._app.state.site.stopping.set()
        super().handle_exit(sig, frame)


def main() -> int:
    """Serve until a signal; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on")
    arguments = parser.parse_args()
    configure_logging()
    try:
        server = Server(create_app(), arguments.host, arguments.port)
    except StartError as error:
        print(f"cannot start: {error}", file=sys.stderr)  # noqa: T201 -- for the person at it
        return 1
    _take_descriptors()
    server.run()
    return 0


def _take_descriptors() -> None:
    """Let this process have as many connections as it may: 1,024, as usual, are soon taken."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
