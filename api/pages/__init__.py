"""The web pages: what people see, where programs have ``/api``.

A page is read without JavaScript, and what is done to what stands there is a form. Scripts hand in
files, make pages live and spare loading them again; they speak to ``/api`` with the page's cookie.
"""

from fastapi import APIRouter

from api.pages import (
    account,
    comparison,
    documentation,
    inspector,
    job,
    jobs,
    static_files,
    status,
)
from api.pages.session import show_problem

__all__ = ["router", "show_problem"]

router = APIRouter()
for part in (account, comparison, documentation, inspector, job, jobs, static_files, status):
    router.include_router(part.router)
