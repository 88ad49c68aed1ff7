"""HTTP to a service: problems become one line, unreachable becomes an exit code."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from cli.credentials import Credentials
from cli.failure import ExitCode, Failure

API = "/api/v1"
# Longer than the service holds an answer back on our wish (`Prefer: wait`).
READ_TIMEOUT_S = 90.0
CONNECT_TIMEOUT_S = 5.0
PAGE_LIMIT = 200


class Client:
    """A service, with the credentials of one user."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        self._http = httpx.Client(base_url=url + API, headers=headers, timeout=timeout)

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

        Raises:
            Failure: The service is out of reach, or refused; 401 and 4xx are wrong usage.
        """
        with self._reaching():
            answer = self._http.request(method, path, **request)
        if answer.is_success:
            return answer
        raise Failure(explain(answer), exit_code_of(answer.status_code))

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

    def download(self, path: str, target: Path) -> None:
        """Write the body of a GET to a file, in one piece or not at all.

        Raises:
            Failure: The service is out of reach or refused, or the file cannot be written.
        """
        draft = target.with_name(f".{target.name}.part")
        with self._reaching(), self._http.stream("GET", path) as answer:
            if not answer.is_success:
                answer.read()
                raise Failure(explain(answer), exit_code_of(answer.status_code))
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with draft.open("wb") as file:
                    for chunk in answer.iter_bytes():
                        file.write(chunk)
                draft.replace(target)
            except OSError as error:
                message = f"cannot write {target}: {error.strerror}"
                raise Failure(message, ExitCode.WRONG_USAGE) from error

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except (httpx.TransportError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            message = f"cannot reach {self.url}: {reason}"
            raise Failure(message, ExitCode.UNREACHABLE) from error


def explain(answer: httpx.Response) -> str:
    """Return the line that an error answer amounts to (RFC 9457 problems, or anything else)."""
    try:
        problem = answer.json()
        line = f"{problem['title']}: {problem['detail']}"
    except (ValueError, TypeError, KeyError):
        return f"{answer.request.url} answered {answer.status_code} {answer.reason_phrase}"
    fields = [
        f"{error['pointer']} {error['detail']}".strip() for error in problem.get("errors") or []
    ]
    return f"{line} ({'; '.join(fields)})" if fields else line


def exit_code_of(status: int) -> ExitCode:
    """Return the exit code for a refusal: a service that cannot answer now is out of reach."""
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return ExitCode.UNREACHABLE
    return ExitCode.WRONG_USAGE
