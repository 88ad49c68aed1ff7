"""HTTP to a service: problems become one line, unreachable becomes an exit code."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from cli import screen
from cli.credentials import Credentials
from cli.failure import ExitCode, Failure, Limited, LostConnection

API = "/api/v1"
# Longer than the service holds an answer back on our wish (`Prefer: wait`).
READ_TIMEOUT_S = 90.0
# How long the service may hold back the answer on a job in which nothing happens.
WAIT_S = 30
CONNECT_TIMEOUT_S = 5.0
PAGE_LIMIT = 200
# The code of the problem that a used up quota is; a queue that is full is another.
QUOTA_CODE = "rate_limited"


class Client:
    """A service, with the credentials of one user."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        self.url = (url if "://" in url else f"http://{url}").rstrip("/")
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        self._http = httpx.Client(
            base_url=self.url + API,
            headers=headers,
            timeout=timeout,
            # A proxy that the environment names cannot lead to this machine.
            trust_env=not is_local(self.url),
        )

    @classmethod
    def of(cls, credentials: Credentials) -> Self:
        """Return a client with these credentials."""
        return cls(credentials.url, credentials.api_key)

    def __enter__(self) -> Self:
        """Keep connections open until the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, **request: Any) -> Any:  # noqa: ANN401 -- JSON
        """Return the JSON of a GET."""
        return self.call("GET", path, **request).json()

    def post(self, path: str, **request: Any) -> Any:  # noqa: ANN401 -- JSON
        """Return the JSON of a POST."""
        return self.call("POST", path, **request).json()

    def call(self, method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401 -- httpx's own
        """Send a request below ``/api/v1`` and return its answer.

        A quota that is used up is waited for, once, unless files would have to be sent again.

        Raises:
            Failure: The service is out of reach, or refused; 401 and 4xx are wrong usage.
        """
        try:
            return self._call_once(method, path, **request)
        except Limited as limited:
            if "files" in request:
                raise
            screen.say(str(limited))
            time.sleep(limited.wait_s)
        return self._call_once(method, path, **request)

    def _call_once(self, method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401 -- httpx's own
        with self._reaching():
            answer = self._http.request(method, path, **request)
        if answer.is_success:
            return answer
        raise refusal(answer)

    def pages(self, path: str, **params: str | int) -> Iterator[dict[str, Any]]:
        """Yield the rows of every page of a list."""
        cursor = None
        while True:
            asked = {"limit": PAGE_LIMIT, **params} | ({"cursor": cursor} if cursor else {})
            page = self.get(path, params=asked)
            yield from page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def job_after(self, job_id: str, tag: str | None) -> tuple[dict[str, Any] | None, str | None]:
        """Return a job once it is another than the tag says, and its tag; None if it is not.

        Raises:
            Failure: The service is out of reach, or there is no such job.
        """
        headers = {"Prefer": f"wait={WAIT_S}"} | ({"If-None-Match": tag} if tag else {})
        with self._reaching():
            answer = self._http.get(job_path(job_id), headers=headers)
        if answer.status_code == httpx.codes.NOT_MODIFIED:
            return None, tag
        if not answer.is_success:
            raise refusal(answer)
        return answer.json(), answer.headers.get("ETag")

    @contextmanager
    def streaming(
        self,
        path: str,
        silence_s: float,
        **request: Any,  # noqa: ANN401 -- httpx's own
    ) -> Iterator[httpx.Response]:
        """Open a GET whose answer comes in pieces while the block reads them.

        Args:
            path: Below ``/api/v1``.
            silence_s: A connection is lost when nothing comes for so long.
            request: As for httpx.

        Raises:
            Failure: The service is out of reach, be it in the middle, or refused.
        """
        timeout = httpx.Timeout(silence_s, connect=CONNECT_TIMEOUT_S)
        with (
            self._reaching(),
            self._http.stream("GET", path, timeout=timeout, **request) as answer,
        ):
            if not answer.is_success:
                answer.read()
                raise refusal(answer)
            yield answer

    def download(self, path: str, folder: Path, **request: Any) -> Path:  # noqa: ANN401 -- httpx's own
        """Write the body of a GET to a folder under the name that it comes with.

        Raises:
            Failure: The service is out of reach or refused, or the file cannot be written.
        """
        answer = self.call("GET", path, **request)
        target = folder / file_name(answer)
        draft = target.with_name(f".{target.name}.part")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(answer.content)
            draft.replace(target)
        except OSError as error:
            message = f"cannot write {target}: {error.strerror}"
            raise Failure(message, ExitCode.WRONG_USAGE) from error
        return target

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL) as error:
            raise Failure(self._lost(error), ExitCode.UNREACHABLE) from error
        except httpx.TransportError as error:
            raise LostConnection(self._lost(error)) from error

    def _lost(self, error: Exception) -> str:
        return f"cannot reach {self.url}: {str(error) or type(error).__name__}"


def is_local(url: str) -> bool:
    """Tell whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def job_path(job_id: str) -> str:
    """Return the path of a job; an id typed wrong stays one segment."""
    return f"/jobs/{quote(job_id, safe='')}"


def item_path(job_id: str, item_id: str) -> str:
    """Return the path of an item; see ``job_path``."""
    return f"{job_path(job_id)}/items/{quote(item_id, safe='')}"


def file_name(answer: httpx.Response) -> str:
    """Return the name that an answer suggests for a file (RFC 6266), without any directory."""
    header = Message()
    header["Content-Disposition"] = answer.headers.get("Content-Disposition", "")
    return Path(header.get_filename() or answer.url.path).name


def refusal(answer: httpx.Response) -> Failure:
    """Return how a command ends that got this answer."""
    wait = answer.headers.get("Retry-After", "")
    if wait.isdecimal() and f'"{QUOTA_CODE}"' in answer.text:
        return Limited(explain(answer), int(wait))
    return Failure(explain(answer), exit_code_of(answer.status_code))


def explain(answer: httpx.Response) -> str:
    """Return the line that an error answer amounts to (RFC 9457 problems, or anything else)."""
    try:
        problem = answer.json()
        line = f"{problem['title']}: {problem['detail']}"
    except (ValueError, TypeError, KeyError):
        return f"{answer.request.url} answered {answer.status_code} {answer.reason_phrase}"
    # The detail tells of the first of several errors.
    more = [str(error["detail"]) for error in problem.get("errors") or []][1:]
    return "; ".join([line, *more])


def exit_code_of(status: int) -> ExitCode:
    """Return the exit code for a refusal: a service that cannot answer now is out of reach."""
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS:
        return ExitCode.UNREACHABLE
    return ExitCode.WRONG_USAGE
