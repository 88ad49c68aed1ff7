"""Every error is a problem; every answer carries a request id."""

import json
import socket

import httpx
import pytest
import structlog
from fastapi import FastAPI

from api.app import create_app
from api.errors import STATUSES, status_of_code
from api.fields import MAX_ERRORS
from api.middleware import MAX_BODY_BYTES
from shared import errors
from shared.errors import StartError
from shared.settings import Settings
from tests.api.server import assert_problem, new_job, serving


def test_an_unknown_path_is_a_problem(anonymous: httpx.Client) -> None:
    assert_problem(anonymous.get("/api/v1/nothing"), 404, "not_found")


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_http_gets_a_problem_too(base_url: str, sent: bytes) -> None:
    url = httpx.URL(base_url)
    with (
        socket.create_connection((url.host, url.port or 80)) as connection,
        connection.makefile("rb") as received,
    ):
        connection.sendall(sent)
        head, _, body = received.read().partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert b"X-Request-ID: req_" in head
    assert json.loads(body)["code"] == "invalid_request"


def test_a_trailing_slash_is_another_path_not_a_redirect(client: httpx.Client) -> None:
    assert_problem(client.get("/api/v1/jobs/"), 404, "not_found")


def test_a_wrong_method_is_a_problem_that_names_the_right_one(anonymous: httpx.Client) -> None:
    answer = anonymous.put("/api/v1/auth/me")

    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/jobs", "GET, POST, HEAD"),
        ("PUT", f"/jobs/job_{'0' * 32}", "GET, DELETE, HEAD"),
        ("HEAD", "/colors/extract", "POST"),
        ("GET", f"/jobs/job_{'0' * 32}/cancel", "POST"),
        ("PUT", "/jobs/estimate", "POST"),
    ],
)
def test_a_wrong_method_names_every_right_one(
    anonymous: httpx.Client, method: str, path: str, allowed: str
) -> None:
    answer = anonymous.request(method, f"/api/v1{path}")

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/api/v1/nothing"])
def test_head_answers_as_get_does_less_the_body(anonymous: httpx.Client, path: str) -> None:
    whole = anonymous.get(path)
    head = anonymous.head(path)

    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert "content-length" in head.headers


def test_a_body_that_is_not_json_says_where(anonymous: httpx.Client) -> None:
    answer = anonymous.post(
        "/api/v1/auth/register",
        content=b'{"email": }',
        headers={"Content-Type": "application/json"},
    )

    problem = assert_problem(answer, 422, "validation_failed")
    assert "character 10" in problem["errors"][0]["detail"]


@pytest.mark.parametrize("body", [b"\xff\xfe", b'"\\ud800"', b"[" * 100_000, b"", b"null"])
def test_no_body_is_worse_than_a_client_error(anonymous: httpx.Client, body: bytes) -> None:
    answer = anonymous.post(
        "/api/v1/auth/register", content=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in {400, 413, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("length", ["declared", "unknown"])
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/auth/register", "application/json"),
        ("/api/v1/auth/login", "application/x-www-form-urlencoded"),
        ("/login", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_of_many_pages_is_refused_where_none_is_due(
    anonymous: httpx.Client, path: str, kind: str, length: str
) -> None:
    body = b" " * 2 * MAX_BODY_BYTES
    content = body if length == "declared" else iter([body[:MAX_BODY_BYTES], body])

    answer = anonymous.post(path, content=content, headers={"Content-Type": kind})

    assert_problem(answer, 413, "upload_too_large")


def test_items_by_the_thousand_are_tried_again_and_not_by_the_million(
    client: httpx.Client,
) -> None:
    path = f"{new_job(client)['links']['self']}/retry"

    many, more = (
        client.post(path, json={"items": ["item_" + "0" * 32] * n}) for n in (9000, 30_000)
    )
    wrong = client.post(path, json={"items": [1] * 100_000})

    assert_problem(many, 404, "not_found")
    assert_problem(more, 413, "upload_too_large")
    assert len(assert_problem(wrong, 422, "validation_failed")["errors"]) == 1


def test_what_is_wrong_is_told_in_parts(anonymous: httpx.Client) -> None:
    wide = {f"field{number}": 1 for number in range(3000)}

    answer = anonymous.post("/api/v1/auth/register", json=wide)

    assert len(assert_problem(answer, 422, "validation_failed")["errors"]) == MAX_ERRORS


def test_a_sane_request_id_comes_back(anonymous: httpx.Client) -> None:
    answer = anonymous.get("/healthz", headers={"X-Request-ID": "trace:1.a-b_c"})

    assert answer.headers["x-request-id"] == "trace:1.a-b_c"


@pytest.mark.parametrize("wanted", ["", "two words", "x" * 129, 'quo"te', "a;b"])
def test_any_other_request_id_is_replaced(anonymous: httpx.Client, wanted: str) -> None:
    answer = anonymous.get("/healthz", headers={"X-Request-ID": wanted})

    assert answer.headers["x-request-id"].startswith("req_")


def test_no_answer_may_be_sniffed_for_another_type(anonymous: httpx.Client) -> None:
    assert anonymous.get("/healthz").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("part", ["events", "results", "items", "self"])
def test_head_ends_where_get_would_stream_on(client: httpx.Client, part: str) -> None:
    job = new_job(client)

    head = client.head(job["links"][part])

    assert (head.status_code, head.content) == (200, b"")
    assert client.get(job["links"]["self"]).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/cancel"),
        ("POST", "/retry"),
        ("POST", f"/items/item_{'0' * 32}/cancel"),
        ("DELETE", ""),
        ("GET", "/results.ndjson"),
    ],
)
def test_no_route_is_worse_than_503_without_a_database(
    settings: Settings, method: str, path: str
) -> None:
    away = settings.model_copy(update={"database_url": "postgresql://127.0.0.1:1/none"})
    with serving(create_app(away)) as url:
        headers = {"Authorization": "Bearer ct_whatever"}
        where = f"{url}/api/v1/jobs/job_{'0' * 32}{path}"
        answer = httpx.request(method, where, headers=headers)

    assert_problem(answer, 503, "unavailable")
    assert "retry-after" in answer.headers


@pytest.fixture
def broken_app(settings: Settings) -> FastAPI:
    """An application with a bug."""
    app = create_app(settings)

    @app.get("/bug")
    def divide() -> float:
        return 1 / 0

    return app


def test_a_bug_gives_an_id_and_no_trace(broken_app: FastAPI) -> None:
    with serving(broken_app) as url:
        answer = httpx.get(f"{url}/bug", headers={"X-Request-ID": "trace-7"})

    problem = assert_problem(answer, 500, "internal_error")
    assert problem["request_id"] == answer.headers["x-request-id"] == "trace-7"
    assert "ZeroDivisionError" not in answer.text


def test_a_bug_below_a_page_is_a_page(broken_app: FastAPI) -> None:
    with serving(broken_app) as url:
        answer = httpx.get(
            f"{url}/bug", headers={"Accept": "text/html", "X-Request-ID": "trace-8"}
        )

    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert "trace-8" in answer.text
    assert "ZeroDivision" not in answer.text


def test_a_bug_is_logged_with_its_id_and_trace(broken_app: FastAPI) -> None:
    with structlog.testing.capture_logs() as lines, serving(broken_app) as url:
        httpx.get(f"{url}/bug", headers={"X-Request-ID": "trace-7"})

    bug = next(line for line in lines if line["event"] == "unforeseen error")
    assert bug["request_id"] == "trace-7"
    assert isinstance(bug["exc_info"], ZeroDivisionError)


def test_a_request_is_logged_with_what_came_of_it(anonymous: httpx.Client) -> None:
    add_context = structlog.contextvars.merge_contextvars
    with structlog.testing.capture_logs(processors=[add_context]) as lines:
        anonymous.get("/api/v1/nothing", headers={"X-Request-ID": "trace-8"})

    line = next(line for line in lines if line["event"] == "request")
    assert (line["method"], line["path"]) == ("GET", "/api/v1/nothing")
    assert (line["status"], line["request_id"]) == (404, "trace-8")
    assert line["seconds"] > 0


def test_a_database_that_is_away_is_503_with_a_time_to_come_back(settings: Settings) -> None:
    away = settings.model_copy(update={"database_url": "postgresql://127.0.0.1:1/none"})
    with serving(create_app(away)) as url:
        headers = {"Authorization": "Bearer ct_whatever"}
        answer = httpx.get(f"{url}/api/v1/jobs", headers=headers)

    assert_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "5"


def test_a_guessable_key_does_not_start(settings: Settings) -> None:
    with pytest.raises(StartError, match="COPYTHAT_SECRET_KEY"):
        create_app(settings.model_copy(update={"secret_key": type(settings.secret_key)("short")}))


def test_every_error_of_the_tree_has_a_status_by_its_code() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.CopyThatError)
    ]

    assert all(status_of_code(kind.code) >= 400 for kind in kinds)
    assert status_of_code("archive_bomb") == STATUSES[errors.UnreadableInput]
    assert status_of_code("storage_full") == 503
    assert status_of_code("no such code") == 500


def test_the_openapi_document_is_whole(anonymous: httpx.Client) -> None:
    document = anonymous.get("/openapi.json").json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    refs = {part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]}
    errors_described = {
        media_type
        for operation in operations
        for status, answer in operation["responses"].items()
        if status >= "400"
        for media_type in answer["content"]
    }

    assert refs <= set(document["components"]["schemas"])
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    # Two models of one name would each get their module's in front.
    assert not [name for name in document["components"]["schemas"] if "__" in name]
    assert errors_described == {"application/problem+json"}
