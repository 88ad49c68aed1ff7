"""An S3 that answers over real HTTP: moto's server, in a process of its own.

It answers one request after the other: moto fails when two overwrite an object at once (it reads
from the file that the other closed), which S3 itself allows.
"""

import subprocess
import sys
from contextlib import AbstractContextManager
from typing import Self

import httpx

from tests.conftest import until
from tests.programs import environment, free_port

BUCKET = "copythat-tests"
SERVE = """
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

application = DomainDispatcherApplication(create_backend_app)
run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=False)
"""


class S3Server(AbstractContextManager["S3Server"]):
    """A server with one empty bucket, until the block ends."""

    def __enter__(self) -> Self:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(  # noqa: S603 -- a library of the tests
            (sys.executable, "-c", SERVE, str(port)),
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers)
        httpx.put(f"{self.url}/{BUCKET}").raise_for_status()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)

    @property
    def variables(self) -> dict[str, str]:
        """What a program needs in its environment to use the server."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
        }

    def object_names(self) -> list[str]:
        """Return the names of all objects in the bucket, up to a thousand."""
        listing = httpx.get(f"{self.url}/{BUCKET}", params={"list-type": "2"}).text
        return [part.partition("</Key>")[0] for part in listing.split("<Key>")[1:]]

    def _answers(self) -> bool:
        assert self._process.poll() is None, "moto's server does not start"
        try:
            return httpx.get(self.url).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False
