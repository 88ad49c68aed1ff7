"""A user of the service under test, who sees of it what HTTP shows."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx

TIMEOUT_S = 30.0
ENDED = ("succeeded", "failed", "canceled")
# What a service says that cannot take or tell something now.
NOT_NOW = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


@dataclass(frozen=True)
class Outcome:
    """What a job came to: the token set of each image by its filename, and that of all."""

    of_items: Mapping[str, Any]
    of_job: Any


class Customer:
    """One user. Each has a cache of results of their own, so every job is new work."""

    def __init__(self, url: str, api_key: str) -> None:
        """Log in with a key."""
        self.http = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=TIMEOUT_S,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @classmethod
    def register(cls, url: str) -> Self:
        """Make an account and a key for it."""
        email, password = f"{secrets.token_hex(8)}@faults.example", secrets.token_urlsafe(18)
        with httpx.Client(base_url=f"{url}/api/v1", timeout=TIMEOUT_S, trust_env=False) as http:
            http.post("/auth/register", json={"email": email, "password": password})
            form = {"username": email, "password": password}
            access_token = http.post("/auth/login", data=form).json()["access_token"]
            http.headers["Authorization"] = f"Bearer {access_token}"
            return cls(url, http.post("/api-keys", json={"name": "faults"}).json()["secret"])

    def post(
        self,
        files: Mapping[str, bytes],
        headers: Mapping[str, str] | None = None,
        **options: object,
    ) -> httpx.Response:
        """Submit files and return whatever is answered."""
        return self.http.send(self._submission(files, headers, **options))

    def post_in_chunks(self, files: Mapping[str, bytes]) -> httpx.Response:
        """Submit files without saying how long they are."""
        whole = self._submission(files)
        content_type = {"Content-Type": whole.headers["content-type"]}
        return self.http.post("/jobs", content=iter([whole.read()]), headers=content_type)

    def _submission(
        self,
        files: Mapping[str, bytes],
        headers: Mapping[str, str] | None = None,
        **options: object,
    ) -> httpx.Request:
        return self.http.build_request(
            "POST",
            "/jobs",
            files=[("files", (name, data)) for name, data in files.items()],
            data={"options": json.dumps({"mode": "hybrid"} | options)},
            headers=headers,
        )

    def submit(self, files: Mapping[str, bytes], **options: object) -> str:
        """Submit files to a service that is well, and return the id of the job."""
        answer = self.post(files, None, **options)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return str(answer.json()["id"])

    def look(self, job_id: str) -> dict[str, Any] | None:
        """Return a job, None while the service is not there or says that it cannot tell."""
        try:
            answer = self.http.get(f"/jobs/{job_id}")
        except httpx.TransportError:
            return None
        if answer.status_code in NOT_NOW:
            assert int(answer.headers["retry-after"]) > 0
            return None
        assert answer.status_code == httpx.codes.OK, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def count_ended(self, job_id: str) -> int:
        """Return how many items of a job have ended, 0 while nobody can tell."""
        job = self.look(job_id)
        return sum(job["counts"][state] for state in ENDED) if job else 0

    def has_ended(self, job_id: str) -> bool:
        """Tell whether a job is known to have ended."""
        job = self.look(job_id)
        return job is not None and job["finished_at"] is not None

    def items(self, job_id: str) -> list[dict[str, Any]]:
        """Return every item of a job, page by page."""
        items: list[dict[str, Any]] = []
        cursor = None
        while True:
            query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
            page = self.http.get(f"/jobs/{job_id}/items", params=query).json()
            items += page["data"]
            if (cursor := page["next_cursor"]) is None:
                return items

    def outcome(self, job_id: str) -> Outcome:
        """Return the token sets of an ended job."""
        return Outcome(
            of_items={
                item["filename"]: self.http.get(f"/jobs/{job_id}/items/{item['id']}/tokens").json()
                for item in self.items(job_id)
            },
            of_job=self.http.get(f"/jobs/{job_id}/tokens").json(),
        )
