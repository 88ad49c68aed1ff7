"""The tokens of two jobs side by side."""

import httpx

from shared.tokens import Color, Source, Tokens
from tests.api.conftest import MakeJob
from tests.api.server import assert_problem, new_job
from tests.token_sets import EMPTY, RICH, px, token

BLACK, WHITE = Color(hex="#000000"), Color(hex="#ffffff")


def diff(client: httpx.Client, before: str, after: str) -> httpx.Response:
    return client.get(f"/api/v1/jobs/{before}/diff/{after}")


def test_a_job_is_the_same_as_itself(client: httpx.Client, job_with: MakeJob) -> None:
    job = job_with(RICH.tokens)

    told = diff(client, job, job).json()

    assert told["same"] is True
    assert told["counts"] == {"added": 0, "removed": 0, "changed": 0, "renamed": 0}
    assert told["before"] == told["after"]
    assert told["before"]["job_id"] == job


def test_what_differs_is_told_by_type_with_both_tokens(
    client: httpx.Client, job_with: MakeJob
) -> None:
    named = token("ink", BLACK, source=Source.CLAUDE)
    before = job_with(Tokens(color=(named,), spacing=(token("16", px(16)),)))
    after = job_with(
        Tokens(
            color=(named.model_copy(update={"value": WHITE}),),
            spacing=(token("16", px(16)), token("40", px(40), usage=9)),
        )
    )

    told = diff(client, before, after).json()

    (changed,) = told["tokens"]["color"]["changed"]
    assert changed["before"]["value"]["hex"] == BLACK.hex
    assert changed["after"]["value"]["hex"] == WHITE.hex
    assert changed["delta_e"] == 100
    assert [each["name"] for each in told["tokens"]["spacing"]["added"]] == ["40"]
    assert told["counts"] == {"added": 1, "removed": 0, "changed": 1, "renamed": 0}
    assert told["same"] is False


def test_types_other_than_color_have_no_color_difference(
    client: httpx.Client, job_with: MakeJob
) -> None:
    before, after = (
        job_with(Tokens(spacing=(token("gap", px(size), source=Source.CLAUDE),)))
        for size in (16, 24)
    )

    (changed,) = diff(client, before, after).json()["tokens"]["spacing"]["changed"]

    assert changed["delta_e"] is None


def test_a_stranger_s_job_is_as_absent_on_either_side(
    client: httpx.Client, stranger: httpx.Client, job_with: MakeJob
) -> None:
    mine = job_with(EMPTY.tokens)
    theirs = new_job(stranger)["id"]

    for before, after in ((mine, theirs), (theirs, mine), (mine, "job_" + "0" * 32), (mine, "x")):
        assert_problem(diff(client, before, after), 404, "not_found")


def test_a_job_that_runs_is_not_compared(client: httpx.Client, job_with: MakeJob) -> None:
    ended, runs = job_with(EMPTY.tokens), new_job(client)["id"]

    assert_problem(diff(client, ended, runs), 409, "not_ready")
