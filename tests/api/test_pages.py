"""The web pages without a script: sign in, keys, jobs, and what other sites cannot do."""

import re
from pathlib import Path

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from api import pages
from api.overlay import STROKES
from api.pages import router
from api.pages.assets import TOKENS_FILE, read_interface
from shared.export import Format, export
from tests.api.browsing import HOSTILE, PASSWORD, register, send, token
from tests.api.server import assert_problem, new_job

# All there are, also those that nobody remembered to list.
FORMS = sorted(
    each.path or ""
    for each in iter_route_contexts(router.routes)
    if "POST" in (each.methods or ())
)

INTERFACE = Path(pages.__file__).with_name(TOKENS_FILE)


def test_who_is_not_signed_in_is_sent_to_do_so_and_back(anonymous: httpx.Client) -> None:
    sent = anonymous.get("/keys")

    assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=/keys")


def test_who_registers_is_signed_in(browser: httpx.Client) -> None:
    page = browser.get("/")

    assert page.status_code == 200
    assert "grace@example.com" in page.text
    assert "Nothing here yet" in page.text


def test_a_session_cookie_is_for_no_script_and_no_other_site(anonymous: httpx.Client) -> None:
    (cookie,) = register(anonymous).headers.get_list("set-cookie")

    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_signing_in_leads_to_where_one_was_going(browser: httpx.Client) -> None:
    send(browser, "/logout", "/")
    wanted = {"email": "GRACE@example.com", "password": PASSWORD, "next": "/keys"}

    answer = send(browser, "/login", "/login", **wanted)

    assert answer.headers["location"] == "/keys"
    assert browser.get("/keys").status_code == 200


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_signing_in_leads_nowhere_else(browser: httpx.Client, path: str) -> None:
    wanted = {"email": "grace@example.com", "password": PASSWORD, "next": path}

    assert send(browser, "/login", "/login", **wanted).headers["location"] == "/"


def test_a_wrong_password_is_said_beside_the_form(browser: httpx.Client) -> None:
    answer = send(browser, "/login", "/login", email="grace@example.com", password="guess")

    assert answer.status_code == 401
    assert "The address or the password is wrong." in answer.text


def test_a_registered_address_and_a_short_password_are_said(browser: httpx.Client) -> None:
    taken = register(browser)
    short = send(browser, "/register", "/register", email="b@example.com", password="short")

    assert (taken.status_code, short.status_code) == (409, 422)
    assert "at least 8 characters" in short.text


def test_signing_out_ends_the_session_itself(browser: httpx.Client) -> None:
    kept = browser.cookies["copythat_session"]
    send(browser, "/logout", "/")
    browser.cookies.set("copythat_session", kept)

    assert browser.get("/").status_code == 303


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("forged", [{}, {"csrf": ""}, {"csrf": "0" * 64}])
def test_no_form_is_taken_without_the_token_of_its_page(
    browser: httpx.Client, path: str, forged: dict[str, str]
) -> None:
    ids = {
        name: f"{name.partition('_')[0]}_{'0' * 32}" for name in ("job_id", "item_id", "key_id")
    }

    answer = browser.post(path.format_map(ids), data={"name": "forged", **forged})

    assert answer.status_code == 403
    assert "forged_request" in answer.text


def test_the_token_of_another_session_is_none(browser: httpx.Client, base_url: str) -> None:
    with httpx.Client(base_url=base_url) as other:
        register(other, "bob@example.com")
        stolen = token(other.get("/"))

    assert browser.post("/logout", data={"csrf": stolen}).status_code == 403


def test_the_api_takes_the_cookie_of_a_page_with_its_token(browser: httpx.Client) -> None:
    path = "/api/v1/api-keys"
    forged = browser.post(path, json={"name": "x"})
    own = {"X-CSRF-Token": token(browser.get("/"))}
    made = browser.post(path, json={"name": "x"}, headers=own)

    assert browser.get(path).status_code == 200
    assert (forged.status_code, made.status_code) == (403, 201)


def test_a_key_is_shown_once_works_and_is_deleted(browser: httpx.Client, base_url: str) -> None:
    made = send(browser, "/keys", "/keys", name=HOSTILE)
    (secret,) = re.findall(r'id="secret"[^>]*>(ct_[^<]+)<', made.text)
    (key_id,) = re.findall(r"/keys/(key_[0-9a-f]+)/delete", made.text)
    bearer = {"Authorization": f"Bearer {secret}"}
    works = httpx.get(f"{base_url}/api/v1/auth/me", headers=bearer).status_code
    send(browser, f"/keys/{key_id}/delete", "/keys")

    assert works == 200
    assert secret not in browser.get("/keys").text
    assert httpx.get(f"{base_url}/api/v1/auth/me", headers=bearer).status_code == 401
    assert "<script>alert" not in made.text
    assert "&lt;script&gt;alert(1)" in made.text


def test_a_page_lets_no_script_run_but_ours(browser: httpx.Client) -> None:
    policy = browser.get("/").headers["content-security-policy"]

    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", ["/", "/docs", "/login", "/status", "/jobs/job_1"])
def test_a_page_loads_nothing_from_elsewhere(browser: httpx.Client, path: str) -> None:
    page = browser.get(path)

    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "<script>" not in page.text
    loaded = re.findall(r'(?:<link [^>]*href|src)="([^"]*)"', page.text)
    assert loaded
    for address in loaded:
        assert address.startswith("/static/")
        assert browser.get(address).status_code == 200


def test_the_api_is_described_by_a_page(anonymous: httpx.Client) -> None:
    assert "swagger-ui-bundle.js" in anonymous.get("/docs").text
    assert anonymous.get("/docs/oauth2-redirect").status_code == 404


def test_jobs_are_listed_with_their_names_as_text(
    browser: httpx.Client, client: httpx.Client
) -> None:
    own = {"X-CSRF-Token": token(browser.get("/"))}
    browser.headers.update(own)
    job = new_job(browser, name=HOSTILE)
    foreign = new_job(client)

    page = browser.get("/").text

    assert f"/jobs/{job['id']}" in page
    assert foreign["id"] not in page
    assert "<script>alert" not in page


def test_a_canceled_job_is_listed_as_such_and_deleted(browser: httpx.Client) -> None:
    browser.headers["X-CSRF-Token"] = token(browser.get("/"))
    job = new_job(browser)

    send(browser, f"/jobs/{job['id']}/cancel", "/")
    listed = browser.get("/?status=canceled").text
    deleted = send(browser, f"/jobs/{job['id']}/delete", "/")

    assert job["id"] in listed
    assert deleted.headers["location"] == "/"
    assert job["id"] not in browser.get("/").text


def test_a_missing_page_of_a_job_is_a_page(browser: httpx.Client) -> None:
    answer = send(browser, "/jobs/job_1/cancel", "/")

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "grace@example.com" in answer.text


@pytest.mark.parametrize("path", ["/nothing", "/jobs/", "/logout", "/static/0/nothing.css"])
def test_where_nothing_is_a_browser_gets_a_page_and_a_program_a_problem(
    browser: httpx.Client, path: str
) -> None:
    seen = browser.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    read = browser.get(path)

    assert seen.headers["content-type"].startswith("text/html")
    assert "grace@example.com" in seen.text
    assert_problem(read, seen.status_code, read.json()["code"])


def test_the_api_answers_a_browser_with_problems_all_the_same(browser: httpx.Client) -> None:
    answer = browser.get("/api/v1/nothing", headers={"Accept": "text/html"})

    assert_problem(answer, 404, "not_found")


def test_assets_are_kept_under_a_name_of_their_content(browser: httpx.Client) -> None:
    (css,) = set(re.findall(r'href="(/static/[0-9a-f]+/interface.css)"', browser.get("/").text))

    kept = browser.get(css)
    old = browser.get("/static/0/interface.css")

    assert kept.headers["cache-control"].endswith("immutable")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    assert browser.get("/static/0/nothing.css").status_code == 404


def test_the_interface_is_drawn_with_tokens_of_our_own_export(browser: httpx.Client) -> None:
    (css,) = set(re.findall(r'href="(/static/[0-9a-f]+/tokens.css)"', browser.get("/").text))

    style = browser.get(css).text
    assert "--color-accent: #2447d8;" in style
    assert all(f".{kind} {{ --stroke: {color}; }}" in style for kind, color in STROKES.items())


def test_the_interfaces_tokens_are_a_file_that_the_service_exports() -> None:
    assert export(read_interface(), Format.W3C).content == INTERFACE.read_bytes()
