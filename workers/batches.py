"""The batch stage: brings one Message Batch along, a step at a time, whatever died before.

A batch is written down before it is sent, and what the API calls it as soon as it says so. Who
finds a batch ``sent`` does not know whether it arrived: it is looked for among the newest at the
API, and sent again only if it is still not there after a while.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar

import structlog

from shared.claude.prices import Usage, batch_usd
from shared.db import batch_members, batches
from shared.db.batch_members import MemberEnd, NewMember, Unit
from shared.db.batches import Batch
from shared.db.engine import transaction
from shared.db.states import BatchState
from shared.db.work import Claim, Hints
from shared.errors import (
    ClaudeError,
    ClaudeMisconfigured,
    ClaudeUnavailable,
    CopyThatError,
    NotFound,
    Problem,
    Unavailable,
    UnreadableInput,
)
from workers.app import Site
from workers.claude import (
    BatchApi,
    BatchGone,
    Client,
    Ended,
    Failure,
    Prepared,
    client_for,
)
from workers.naming import ledger_entry, requests_to_make
from workers.outcome import Done, NotYet, Unmeasured
from workers.patience import patiently

T = TypeVar("T")

log = structlog.get_logger(__name__)

# The API takes 256 MB a batch. A worker holds the body twice while it is sent, and smaller
# batches cost the same.
MAX_BYTES = 64 * 1024 * 1024
# What a request has besides its picture: rules, schema and lines, with room to spare.
BYTES_AROUND = 16 * 1024
# A batch is looked at each time it is this much older, but not more often than this nor less.
LOOK_EACH = 0.1
LOOK_FIRST_S = 3.0
LOOK_LAST_S = 300.0
# After what went wrong on the way to the API.
RETRY_S = 15.0
# A batch that is not listed so long after it was first looked for never arrived.
SETTLE_S = 30.0
# By how much the API's clock may differ from ours.
CLOCKS_APART = timedelta(minutes=5)
# An API that takes no batches for so long is asked in ordinary calls, which give up by themselves.
SUBMIT_WITHIN_S = 3600.0
# Batches end within 24 hours; who cannot be asked so long after is not waited for.
END_WITHIN_S = 26 * 3600.0
# Requests that are stored, or ended, in one transaction: it holds the books of what is spent.
AT_ONCE = 100


def bring_along(site: Site, claimed: Claim) -> Done:
    """Take a batch as far as it goes now.

    Raises:
        NotYet: It is to be looked at again later.
    """
    batch = _read(site, claimed.key.options_hash)
    if batch is None or batch.state is BatchState.ENDED:
        return Done({})
    key = site.settings.anthropic_api_key
    if key is None:
        return _give_up(site, batch, ClaudeMisconfigured("ANTHROPIC_API_KEY is not set"))
    client = client_for(key.get_secret_value(), site.settings.anthropic_base_url)
    try:
        return _STEPS[batch.state](site, client, batch, claimed)
    except BatchGone as error:
        return _give_up(site, batch, error)
    except Unavailable as error:
        raise NotYet(RETRY_S) from error
    except ClaudeError as error:
        if _is_hopeless(batch, error):
            return _give_up(site, batch, error)
        log.warning("batch waits", batch_id=batch.id, reason=error.detail)
        asked_s = error.retry_after_s if isinstance(error, ClaudeUnavailable) else None
        raise NotYet(min(LOOK_LAST_S, max(RETRY_S, asked_s or 0.0))) from error


def _read(site: Site, batch_id: str) -> Batch | None:
    with transaction(site.engine) as connection:
        return batches.read_batch(connection, batch_id)


def _is_hopeless(batch: Batch, error: ClaudeError) -> bool:
    """Tell whether ordinary calls, or names by rule, are better than to wait on."""
    if batch.state is BatchState.SUBMITTED or batch.submitted_s is not None:
        return (batch.submitted_s or 0.0) > END_WITHIN_S
    passing = isinstance(error, ClaudeUnavailable)
    if batch.state is BatchState.SENT:
        # It may be there: what was paid for is worth a while.
        return batch.age_s > END_WITHIN_S
    return not passing or batch.age_s > SUBMIT_WITHIN_S


def _give_up(site: Site, batch: Batch, error: CopyThatError) -> Done:
    log.warning("batch given up", batch_id=batch.id, reason=error.detail)
    return _end(site, batch, Problem.of(error))


def _end(site: Site, batch: Batch, problem: Problem | None = None) -> Done:
    """Let all units of a batch go on; the pump hints at them."""

    def write() -> None:
        with transaction(site.engine) as connection:
            batches.end_batch(connection, batch.id, problem)

    patiently(write)
    return Done({})


def _submit(site: Site, client: Client, batch: Batch, claimed: Claim) -> Done:
    """Build the requests of a batch, write them down, and send them."""
    members, requests = _build(site, client, batch, claimed)
    for some in _some_at_once(members):
        _add(site, batch, some)
    site.leases.check(claimed)
    with transaction(site.engine) as connection:
        wanted = batches.send(connection, batch.id, [each.custom_id for each in requests])
    if not wanted:
        return _end(site, batch)
    made = BatchApi(client).create([each for each in requests if each.custom_id in wanted])
    if isinstance(made, Failure):
        if made.usd is None:
            log.warning("batch may have been submitted", reason=made.error.detail)
            raise NotYet(RETRY_S) from made.error
        with transaction(site.engine) as connection:
            batches.was_not_sent(connection, batch.id)
        raise made.error
    _adopt(site, batch, made, adopted=False)
    log.info("batch submitted", batch_id=batch.id, api_id=made, requests=len(wanted))
    raise NotYet(LOOK_FIRST_S)


def _add(site: Site, batch: Batch, members: Sequence[NewMember]) -> None:
    """Store some requests; what a cap leaves no room for is left to the name stage."""
    with transaction(site.engine) as connection:
        capped = batch_members.add_members(
            connection, batch.id, members, site.settings.daily_cost_cap_usd
        )
        batch_members.hurry(connection, capped)


def _adopt(site: Site, batch: Batch, api_id: str, *, adopted: bool) -> None:
    def write() -> None:
        with transaction(site.engine) as connection:
            batches.was_submitted(connection, batch.id, api_id, adopted=adopted)

    patiently(write)


def _build(
    site: Site, client: Client, batch: Batch, claimed: Claim
) -> tuple[list[NewMember], list[Prepared]]:
    """Return the requests about the units of a batch, as many as one batch may carry."""
    with transaction(site.engine) as connection:
        units = batches.list_units(connection, batch.id)
    members: list[NewMember] = []
    requests: list[Prepared] = []
    unfit: list[int] = []
    size = 0
    for unit in units:
        site.leases.check(claimed)
        try:
            prepared = _prepare(site, client, batch.id, unit)
        except (UnreadableInput, Unmeasured, NotFound):
            # The name stage says of it what there is to say.
            unfit.append(unit.work_id)
            continue
        if not prepared:
            unfit.append(unit.work_id)
        size += sum(_size_of(each) for each in prepared)
        if size > MAX_BYTES and requests:
            break
        members += [_member(unit, each) for each in prepared]
        requests += prepared
    with transaction(site.engine) as connection:
        batch_members.hurry(connection, unfit)
    return members, requests


def _prepare(site: Site, client: Client, batch_id: str, unit: Unit) -> list[Prepared]:
    """Return the first requests about one image; none where there is nothing to ask.

    Raises:
        UnreadableInput: The image cannot be read.
        Unmeasured: Its measurements are not there at the moment.
        NotFound: No job wants its names any more.
    """
    model, requests = requests_to_make(site, client, unit.key, unit.work_id)
    return [
        Prepared(f"{batch_id}-{unit.work_id}-{place}", model, request)
        for place, request in enumerate(requests)
    ]


def _member(unit: Unit, prepared: Prepared) -> NewMember:
    model, request = prepared.model, prepared.request
    # The API promises no prompt cache in a batch, and all of it is booked before any of it ends.
    uncached = Usage(request.expected.prompt_tokens, request.expected.output_tokens)
    expected_usd = batch_usd(model, uncached)
    return NewMember(prepared.custom_id, unit, model, request.digest(model), expected_usd)


def _size_of(prepared: Prepared) -> int:
    """Return the bytes that a request takes in a body; base64 makes four of three."""
    return BYTES_AROUND + len(prepared.request.image.png) * 4 // 3


def _find(site: Site, client: Client, batch: Batch, claimed: Claim) -> Done:
    """Look for a batch at the API that was sent and of which nothing was heard."""
    since = datetime.now(UTC) - timedelta(seconds=batch.sent_s or 0.0) - CLOCKS_APART
    found = BatchApi(client).find(since, batch.members)
    with transaction(site.engine) as connection:
        known = batches.read_api_ids(connection)
    possible = [api_id for api_id in found if api_id not in batch.foreign_ids]
    if free := [api_id for api_id in possible if api_id not in known]:
        log.warning("batch found again", batch_id=batch.id, api_id=free[0])
        _adopt(site, batch, free[0], adopted=True)
        raise NotYet(LOOK_FIRST_S)
    if any(known[api_id] for api_id in possible):
        # Another of ours may have taken this one's place, and will let go of it.
        raise NotYet(LOOK_LAST_S)
    with transaction(site.engine) as connection:
        batches.was_missed(connection, batch.id)
    if (batch.missed_s or 0.0) < SETTLE_S:
        raise NotYet(SETTLE_S - (batch.missed_s or 0.0))
    log.warning("batch never arrived", batch_id=batch.id)
    return _submit(site, client, batch, claimed)


def _look_at(site: Site, client: Client, batch: Batch, claimed: Claim) -> Done:
    """Take the answers of a batch if it has ended, and take it back if nobody wants them."""
    api = BatchApi(client)
    api_id = str(batch.api_id)
    if not api.has_ended(api_id):
        if not batch.wanted and not batch.cancel_asked and not batch.adopted:
            api.cancel(api_id)
            log.info("batch canceled", batch_id=batch.id, api_id=api_id)
            with transaction(site.engine) as connection:
                batches.was_canceled(connection, batch.id)
        age_s = batch.submitted_s or 0.0
        raise NotYet(min(LOOK_LAST_S, max(LOOK_FIRST_S, LOOK_EACH * age_s)))
    with closing(api.results(api_id, batch.submitted_s or 0.0)) as ends:
        _take(site, batch, ends, claimed)
    log.info("batch ended", batch_id=batch.id, api_id=api_id)
    return _end(site, batch)


def _take(site: Site, batch: Batch, ends: Iterator[Ended], claimed: Claim) -> None:
    """Take the answers of a batch, some at a time.

    Raises:
        NotYet: They are the answers of another batch than ours.
    """
    for some in _some_at_once(ends):
        site.leases.check(claimed)
        if not some[0].custom_id.startswith(f"{batch.id}-"):
            log.warning("batch was another's", batch_id=batch.id, api_id=batch.api_id)
            with transaction(site.engine) as connection:
                batches.was_another(connection, batch.id)
            raise NotYet(LOOK_FIRST_S)
        _enter(site, batch, some)


def _enter(site: Site, batch: Batch, ends: Sequence[Ended]) -> None:
    """Write down how some requests ended, in the ledger and for their units."""
    entered = [
        MemberEnd(end.custom_id, ledger_entry(end.outcome), end.message)
        for end in ends
        if end.custom_id.startswith(f"{batch.id}-")
    ]

    def write() -> Hints:
        with transaction(site.engine) as connection:
            return batch_members.end_members(connection, batch.id, entered)

    patiently(write)


def _some_at_once(each: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(each)
    while some := list(islice(iterator, AT_ONCE)):
        yield some


_STEPS: dict[BatchState, Callable[[Site, Client, Batch, Claim], Done]] = {
    BatchState.COLLECTED: _submit,
    BatchState.SENT: _find,
    BatchState.SUBMITTED: _look_at,
}
