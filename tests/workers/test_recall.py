"""Names of look-alikes over a real PostgreSQL and a Claude over HTTP, a step at a time."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import Engine, text

from shared.blobs import open_store
from shared.db import cache, completion, invariants, items, results, steps, work
from shared.db.blobs import SourceFile
from shared.db.engine import transaction
from shared.db.items import ItemView, NewItem
from shared.db.job_views import JobView, read_job
from shared.db.jobs import NewJob, create_job
from shared.db.states import Stage
from shared.db.work import Claim, WorkKey
from shared.errors import ClaudeUnavailable
from shared.queue import Queue
from shared.settings import Settings
from shared.tokens import TokenType
from tests import drawing
from tests.fakes.claude import OVERLOADED, REFUSAL, ClaudeServer
from tests.workers.measured import Measurement, color, measurements, shadow, spacing, style
from workers.app import Site
from workers.claude import Client, first_requests
from workers.images import EncodedImage, Rgb
from workers.leases import Leases
from workers.measure import Measurements
from workers.naming import Shown, Subject, question_of, requests_to_make
from workers.outcome import Awaited
from workers.stages import body_for

BRAND = "#1d4ed8"


@pytest.fixture(scope="module")
def server() -> Iterator[ClaudeServer]:
    with ClaudeServer() as started:
        yield started


@pytest.fixture
def claude(server: ClaudeServer) -> ClaudeServer:
    server.reset()
    return server


@pytest.fixture
def site(engine: Engine, tmp_path: Path, claude: ClaudeServer) -> Iterator[Site]:
    """A worker of the test's own; whatever it did, the books balance."""
    settings = Settings(data_dir=tmp_path).model_copy(
        update={
            "anthropic_api_key": SecretStr("a-key"),
            "anthropic_base_url": claude.base_url,
        }
    )
    blobs = open_store(None, settings.blob_dir)
    yield Site(settings, engine, blobs, Leases(engine), "worker")
    with transaction(engine) as connection:
        assert invariants.find_violations(connection) == []
        connection.execute(
            text(
                "UPDATE gates SET state = 'closed', failures = 0, retry_at = NULL, problem = NULL"
            )
        )


def screen(photo: int = 0, brand: str = BRAND) -> Rgb:
    """A page with a photo on a card, above a panel."""
    rgb = drawing.draw_page(600, 400, "#f4f5f7")
    drawing.draw_box(rgb, (20, 20, 180, 150), "#ffffff")
    drawing.draw_box(rgb, (20, 190, 560, 190), brand)
    return drawing.draw_picture(rgb, (30, 30, 160, 100), seed=photo)


def one_pixel_off(x: int = 300) -> Rgb:
    rgb = screen()
    rgb[300, x, 2] -= 1
    return rgb


def submit(site: Site, owner_id: str, files: Mapping[str, bytes], **options: object) -> str:
    stored = [(name, site.blobs.put(data)) for name, data in files.items()]
    sources = [SourceFile(name, b.sha256, b.size_bytes, "image/png") for name, b in stored]
    chosen = {"token_types": ["color", "spacing"], "force": False, "model": None}
    new_items = [NewItem(source.filename, source.sha256) for source in sources]
    new = NewJob(owner_id, "job", "hybrid", 10, chosen | options, sources, "request", new_items)
    with transaction(site.engine) as connection:
        return create_job(connection, new).job_id


def png(rgb: Rgb) -> bytes:
    return drawing.encode(rgb, "PNG")


def claim(site: Site, queue: Queue) -> Claim | None:
    with transaction(site.engine) as connection:
        claims = work.claim(connection, queue, site.name)
        completion.begin(connection, claims)
    return claims[0] if claims else None


def do(site: Site, claimed: Claim) -> None:
    done = body_for([claimed])(site, claimed)
    with transaction(site.engine) as connection:
        assert work.finish(connection, claimed, done.value, done.degraded)
        done.also(connection)
        steps.advance_keys(connection, [claimed.key])


def drain(site: Site, *queues: Queue) -> None:
    """Do all that is due in some queues, by default in all."""
    wanted = queues or tuple(Queue)
    while claimed := next((c for queue in wanted if (c := claim(site, queue))), None):
        do(site, claimed)


def run(site: Site, owner_id: str, rgb: Rgb, name: str = "a.png", **options: object) -> JobView:
    job_id = submit(site, owner_id, {name: png(rgb)}, **options)
    drain(site)
    with transaction(site.engine) as connection:
        return read_job(connection, owner_id, job_id)


def only_item(site: Site, owner_id: str, job_id: str) -> ItemView:
    with transaction(site.engine) as connection:
        return items.list_items(connection, owner_id, job_id, limit=1)[0]


def names(site: Site, owner_id: str, job_id: str) -> list[str]:
    with transaction(site.engine) as connection:
        (item,) = items.list_items(connection, owner_id, job_id, limit=1)
        tokens = results.read_item_tokens(connection, item).tokens
    return [each.name for each in tokens.color] + [each.name for each in tokens.spacing]


def claim_names(site: Site, count: int) -> list[Claim]:
    """Measure what there is, and claim the naming of so many images."""
    drain(site, Queue.CV)
    claims = [claim(site, Queue.CLAUDE) for _ in range(count)]
    assert all(claims)
    return [each for each in claims if each is not None]


def test_the_same_pixels_in_another_file_need_no_call(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    first = run(site, owner_id, screen())
    job_id = submit(site, owner_id, {"a.bmp": drawing.encode(screen(), "BMP")})
    drain(site)

    assert len(claude.requests) == 1
    assert names(site, owner_id, job_id) == names(site, owner_id, first.id)


@pytest.mark.parametrize("alike", [screen(photo=7), one_pixel_off()], ids=["photo", "pixel"])
def test_a_look_alike_with_the_same_measurements_needs_no_call(
    site: Site, owner_id: str, claude: ClaudeServer, alike: Rgb
) -> None:
    first = run(site, owner_id, screen())
    second = run(site, owner_id, alike)

    assert len(claude.requests) == 1
    assert names(site, owner_id, second.id) == names(site, owner_id, first.id)
    assert (second.degraded, second.usd, second.saved_usd) == (0, Decimal(0), first.usd)
    assert (second.named, second.spared) == (1, 1)
    assert only_item(site, owner_id, second.id).saved_usd == first.usd


def test_other_measurements_make_a_call_however_alike_the_images_look(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    run(site, owner_id, screen())
    second = run(site, owner_id, screen(brand="#1d4ed6"))

    assert len(claude.requests) == 2
    assert (second.named, second.spared, second.saved_usd) == (1, 0, Decimal(0))


def test_the_same_measurements_of_an_image_that_looks_different_make_a_call(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    run(site, owner_id, screen())
    with transaction(site.engine) as connection:
        connection.execute(text("UPDATE claude_questions SET look = ~look"))

    run(site, owner_id, screen(photo=7))

    assert len(claude.requests) == 2


@pytest.mark.parametrize(
    "options", [{"model": "claude-sonnet-5-5"}, {"token_types": ["color"]}, {"force": True}]
)
def test_another_model_or_types_or_force_makes_a_call(
    site: Site, owner_id: str, claude: ClaudeServer, options: dict[str, Any]
) -> None:
    run(site, owner_id, screen())

    run(site, owner_id, screen(photo=7), **options)

    assert claude.paid == 2


def test_another_owner_is_told_nothing(site: Site, owner_id: str, claude: ClaudeServer) -> None:
    run(site, owner_id, screen())
    with transaction(site.engine) as connection:
        connection.execute(text("INSERT INTO users VALUES ('user_2', 'b@b.c', '')"))

    run(site, "user_2", screen(photo=7))

    assert len(claude.requests) == 2


def test_names_by_rule_are_not_taken_over(site: Site, owner_id: str, claude: ClaudeServer) -> None:
    claude.script(REFUSAL)
    run(site, owner_id, screen())

    second = run(site, owner_id, screen(photo=7))

    assert (len(claude.requests), second.degraded) == (2, 0)


def test_names_of_a_dropped_image_are_not_taken_over(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    first = run(site, owner_id, screen())
    sha256 = only_item(site, owner_id, first.id).sha256
    assert sha256 is not None
    with transaction(site.engine) as connection:
        cache.drop(connection, owner_id, sha256)

    run(site, owner_id, screen(photo=7))

    assert len(claude.requests) == 2


def test_of_look_alikes_in_flight_one_asks_and_the_others_wait(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    files = {f"{x}.png": png(one_pixel_off(x)) for x in (100, 200, 300)}
    job_id = submit(site, owner_id, files)
    first, second, third = claim_names(site, 3)
    claude.script(OVERLOADED)

    with pytest.raises(ClaudeUnavailable):
        body_for([first])(site, first)
    with pytest.raises(Awaited):
        body_for([second])(site, second)
    do(site, first)
    do(site, second)
    do(site, third)
    drain(site)

    with transaction(site.engine) as connection:
        job = read_job(connection, owner_id, job_id)
    assert (claude.paid, job.state, job.named, job.spared) == (1, "succeeded", 3, 2)
    assert job.usd is not None
    assert job.saved_usd == 2 * job.usd


def test_who_waited_asks_when_the_other_could_not(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    submit(site, owner_id, {"a.png": png(screen()), "b.png": png(one_pixel_off())})
    first, second = claim_names(site, 2)
    claude.script(OVERLOADED)
    with pytest.raises(ClaudeUnavailable):
        body_for([first])(site, first)
    with transaction(site.engine) as connection:
        assert work.postpone(connection, first, 60, counts=True)

    do(site, second)

    assert claude.paid == 1


def test_a_chain_of_small_changes_does_not_lead_away(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    run(site, owner_id, screen())
    with transaction(site.engine) as connection:
        connection.execute(text("UPDATE claude_questions SET look = look # 1"))
    run(site, owner_id, one_pixel_off())
    with transaction(site.engine) as connection:
        looks = connection.execute(text("SELECT DISTINCT look FROM claude_questions")).all()

    assert len(claude.requests) == 1
    assert len(looks) == 1


def test_what_a_forced_job_is_told_is_what_look_alikes_get(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    run(site, owner_id, screen())
    run(site, owner_id, screen(), force=True)
    with transaction(site.engine) as connection:
        forced = connection.execute(
            text("SELECT id FROM work WHERE stage = 'name' AND options_hash LIKE '%job_%'")
        ).scalar_one()

    run(site, owner_id, screen(photo=7))

    assert claude.paid == 2
    with transaction(site.engine) as connection:
        owed = connection.execute(
            text("SELECT named_by FROM work WHERE stage = 'name' ORDER BY id DESC LIMIT 1")
        ).scalar_one()
    assert owed == forced


def test_a_look_alike_whose_names_are_there_is_not_put_into_a_batch(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    run(site, owner_id, screen())
    submit(site, owner_id, {"b.png": png(screen(photo=7))}, claude="batch")
    submit(site, owner_id, {"c.png": png(screen(brand="#0f766e"))}, claude="batch")
    drain(site, Queue.CV)
    with transaction(site.engine) as connection:
        waiting = connection.execute(
            text(
                "SELECT id, sha256, options_hash, pipeline_version FROM work "
                "WHERE queue = 'batches' ORDER BY id"
            )
        ).all()

    asked = []
    for row in waiting:
        key = WorkKey(owner_id, row.sha256, Stage.NAME, row.pipeline_version, row.options_hash)
        _, requests = requests_to_make(site, Client("a-key", claude.base_url), key, row.id)
        asked.append(len(requests))

    assert asked == [0, 1]


def test_a_deleted_source_costs_a_call_and_breaks_nothing(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    run(site, owner_id, screen())
    second = run(site, owner_id, screen(photo=7))
    with transaction(site.engine) as connection:
        connection.execute(text("DELETE FROM work WHERE stage = 'name' AND named_by IS NULL"))

    third = run(site, owner_id, screen(photo=8))

    assert len(claude.requests) == 1
    assert names(site, owner_id, third.id) == names(site, owner_id, second.id)
    assert third.saved_usd == Decimal(0)


def question(found: Measurements, look: int = 0) -> str:
    client = Client("a-key", "http://127.0.0.1:1")
    types = (TokenType.COLOR, TokenType.SPACING, TokenType.TYPOGRAPHY, TokenType.SHADOW)
    image = EncodedImage(b"", found.width, found.height, 1.0)
    subject = Subject(found, types, "claude-haiku-5-5", forced=False)
    requests = first_requests(client, subject.model, image, found, types)
    key = WorkKey("user_1", "0" * 64, Stage.NAME, "1", "")
    asked = question_of(key, subject, Shown(image, look), requests)
    return asked.question_hash if asked else ""


def lines(found: Measurements) -> list[str]:
    client = Client("a-key", "http://127.0.0.1:1")
    image = EncodedImage(b"", found.width, found.height, 1.0)
    types = (TokenType.COLOR, TokenType.SPACING, TokenType.TYPOGRAPHY, TokenType.SHADOW)
    return [each.text for each in first_requests(client, "claude-haiku-5-5", image, found, types)]


FOUND = st.one_of(
    st.sampled_from(["#000000", "#000001", "#ffffff", "#fffffe"]).map(color),
    st.sampled_from([8.0, 8.5, 16.0]).map(spacing),
    st.sampled_from([14.0, 14.5]).map(style),
    st.sampled_from([1.0, 2.0]).map(lambda y_px: shadow(y_px, 6)),
)
LISTS = st.lists(FOUND, max_size=40)


@given(one=LISTS, other=LISTS)
def test_questions_are_equal_only_if_every_candidate_is(
    one: list[Measurement], other: list[Measurement]
) -> None:
    first, second = measurements(*one), measurements(*other)

    assert (question(first) == question(second)) == (lines(first) == lines(second))


@given(found=LISTS.filter(len), place=st.integers(0, 39))
def test_one_candidate_less_is_another_question(found: list[Measurement], place: int) -> None:
    fewer = found[: place % len(found)] + found[place % len(found) + 1 :]

    assert question(measurements(*found)) != question(measurements(*fewer))


def test_the_look_is_no_part_of_the_words() -> None:
    found = measurements(color("#000000"))

    assert question(found, 1) == question(found, 2)
