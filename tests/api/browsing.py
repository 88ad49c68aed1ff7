"""What somebody with a browser does on pages, forms and all."""

import re

import httpx

PASSWORD = "correct horse battery"
HOSTILE = "<script>alert(1)</script>\"'><img src=x> \U0001f600"


def token(page: httpx.Response) -> str:
    """The CSRF token of a page's forms."""
    (found, *_) = re.findall(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert isinstance(found, str)
    return found


def send(browser: httpx.Client, path: str, form_of: str, **fields: str) -> httpx.Response:
    """Send a form of a page."""
    return browser.post(path, data={"csrf": token(browser.get(form_of)), **fields})


def register(browser: httpx.Client, email: str = "grace@example.com") -> httpx.Response:
    return send(browser, "/register", "/register", email=email, password=PASSWORD)
