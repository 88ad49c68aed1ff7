"""The name stage: one question to Claude about one image, each request in the ledger."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial

import structlog

from shared.claude.prices import Usage, usd
from shared.claude.traits import traits_of
from shared.db import batch_members, claude_calls, gates, jobs, questions, results
from shared.db.claude_calls import LedgerEntry, NewCall
from shared.db.engine import transaction
from shared.db.gates import Gate
from shared.db.questions import Question
from shared.db.states import Cap, Stage
from shared.db.work import Claim, WorkKey
from shared.errors import (
    ClaudeError,
    ClaudeLimited,
    ClaudeMisconfigured,
    ClaudeUnavailable,
    CostCapReached,
    Problem,
    Unavailable,
)
from shared.tokens import TokenType
from workers.app import Site
from workers.claude import (
    CallOutcome,
    Client,
    Model,
    Request,
    client_for,
    first_requests,
    load_messages,
    name_measurements,
)
from workers.images import EncodedImage, decode, difference_hash, fit_for_model
from workers.measure import Measurements
from workers.names import Added, Naming
from workers.outcome import NAMING, Awaited, Done, load_measurements
from workers.patience import patiently
from workers.second_look import claim_again, look_again

# A call takes some seconds; who waits for another's answer looks so often.
PENDING_S = 1.0

log = structlog.get_logger(__name__)


def name(site: Site, claimed: Claim) -> Done:
    """Name what was measured in an image; by rule, and degraded, where Claude cannot.

    Raises:
        ClaudeUnavailable: It may work later, and tries are left.
    """
    subject = read_subject(site, claimed.key)
    replies = _read_replies(site, claimed)
    try:
        client = _client(site)
        shown = show(site, claimed.key.sha256, subject.model)
        requests = _requests(client, subject, shown)
        question = question_of(claimed.key, subject, shown, requests)
        naming = _recall(site, claimed, question, anew=subject.forced or bool(replies))
        if naming is None:
            model = _model(site, claimed, subject.model, client, replies)
            naming = name_measurements(model, shown.image, subject.measurements, subject.types)
        naming = _look_again(site, claimed.key.sha256, subject, naming)
    except ClaudeError as error:
        tries_left = claimed.attempt < claimed.max_attempt or isinstance(error, ClaudeLimited)
        if isinstance(error, ClaudeUnavailable) and tries_left:
            raise
        naming = Naming(degraded=Problem.of(error))
    value = NAMING.dump_python(naming, mode="json")
    return Done(value, naming.degraded, also=partial(batch_members.use_up, work_id=claimed.id))


@dataclass(frozen=True, slots=True)
class Subject:
    """What is named in an image, and which model is asked; forced: whatever is known already."""

    measurements: Measurements
    types: Sequence[TokenType]
    model: str
    forced: bool


def read_subject(site: Site, key: WorkKey) -> Subject:
    """Return what is to be named.

    Raises:
        Unmeasured: It was not measured, or is being measured again.
        NotFound: No job wants the names any more.
    """
    with transaction(site.engine) as connection:
        measured = results.read_result(connection, key, Stage.MEASURE)
        options = jobs.read_options(connection, key)
    return Subject(
        load_measurements(measured.value if measured else None),
        [TokenType(token_type) for token_type in options["token_types"]],
        options.get("model") or site.settings.claude_model,
        bool(options.get("force")),
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """An image as a model is shown it, and what it looks like; see ``difference_hash``."""

    image: EncodedImage
    look: int


def show(site: Site, sha256: str, model: str) -> Shown:
    """Return an image as a model is shown it.

    Raises:
        UnreadableInput: It cannot be decoded.
    """
    rgb = decode(site.blobs.read(sha256), site.image_limits)
    traits = traits_of(model)
    image = fit_for_model(rgb, traits.max_edge_px, traits.max_image_tokens)
    return Shown(image, difference_hash(rgb))


def _look_again(site: Site, sha256: str, subject: Subject, naming: Naming) -> Naming:
    """Return the names with what measuring had missed, as far as a second look finds it."""
    if not naming.missed:
        return naming
    added: tuple[Added, ...] = ()
    try:
        rgb = decode(site.blobs.read(sha256), site.image_limits)
        added = look_again(rgb, subject.measurements, naming.missed)
    except Unavailable as error:
        # The names are paid for; to ask for them again would cost more than this is worth.
        log.warning("no second look", reason=error.detail)
    rejected = naming.rejected + len(naming.missed) - len(added)
    return replace(naming, missed=(), added=added, rejected=rejected)


def requests_to_make(
    site: Site, client: Client, key: WorkKey, work_id: int
) -> tuple[str, list[Request]]:
    """Return the model and the first requests about an image; none where the answer is known.

    Raises:
        UnreadableInput: It cannot be decoded.
        Unmeasured: It was not measured, or is being measured again.
        NotFound: No job wants the names any more.
    """
    subject = read_subject(site, key)
    shown = show(site, key.sha256, subject.model)
    requests = _requests(client, subject, shown)
    question = question_of(key, subject, shown, requests)
    if question is None or subject.forced:
        return subject.model, requests
    with transaction(site.engine) as connection:
        known = questions.is_answered(connection, work_id, question)
    return subject.model, [] if known else requests


def _requests(client: Client, subject: Subject, shown: Shown) -> list[Request]:
    return first_requests(client, subject.model, shown.image, subject.measurements, subject.types)


def question_of(
    key: WorkKey, subject: Subject, shown: Shown, requests: Sequence[Request]
) -> Question | None:
    """Return what tells the question about an image from every other; None: nothing is asked."""
    if not requests:
        return None
    digests = "".join(request.digest(subject.model) for request in requests)
    return Question(key.owner_id, hashlib.sha256(digests.encode()).hexdigest(), shown.look)


def _recall(site: Site, claimed: Claim, question: Question | None, *, anew: bool) -> Naming | None:
    """Return the names that an image which looks the same got for the same question.

    Raises:
        Awaited: They are being asked for.
    """
    if question is None:
        return None
    with transaction(site.engine) as connection:
        if anew:
            questions.note(connection, claimed, question)
            return None
        found = questions.pose(connection, claimed, question)
    if isinstance(found, questions.Pending):
        raise Awaited(PENDING_S)
    if found is None:
        return None
    naming = NAMING.validate_python(found.value)
    # What was added there was measured in that image; it has to come true in this one.
    return replace(naming, missed=claim_again(naming.added), added=(), rejected=0)


def _read_replies(site: Site, claimed: Claim) -> dict[str, str]:
    with transaction(site.engine) as connection:
        return batch_members.read_replies(connection, claimed.id)


def _client(site: Site) -> Client:
    """Return the client for the account that is set.

    Raises:
        ClaudeMisconfigured: No key is set.
    """
    key = site.settings.anthropic_api_key
    if key is None:
        raise ClaudeMisconfigured("ANTHROPIC_API_KEY is not set")
    settings = site.settings
    return client_for(
        key.get_secret_value(), settings.anthropic_base_url, settings.claude_timeout_s
    )


def _model(
    site: Site, claimed: Claim, model: str, client: Client, replies: Mapping[str, str]
) -> Model:
    """Return the model, with a ledger that writes a row before and after each request.

    Raises:
        ClaudeMisconfigured: The account was refused lately.
    """
    with transaction(site.engine) as connection:
        gate, now = gates.read_gate(connection)
    if gate.refuses(now) and not replies:
        raise ClaudeMisconfigured((gate.problem or {}).get("detail", ""))

    cap_usd = site.settings.daily_cost_cap_usd

    def open_call(asked: str, expected: Usage) -> str:
        new = NewCall(asked, claimed.id, claimed.job_id, usd(asked, expected))
        with transaction(site.engine) as connection:
            opened = claude_calls.open_call(connection, new, cap_usd)
        if isinstance(opened, Cap):
            raise _cap_reached(opened, new, cap_usd)
        return opened

    def close_call(call_id: str, call: CallOutcome) -> None:
        def write() -> None:
            with transaction(site.engine) as connection:
                gate, now = gates.hold_gate(connection)
                claude_calls.close_call(connection, call_id, ledger_entry(call))
                told = gates.after_answer(
                    _after(gate, call.error, now), call.limits, call.usage, now
                )
                gates.store_gate(connection, told)

        # An answer that was paid for is not thrown away with the database out of reach.
        patiently(write)

    return Model(model, client, open_call, close_call, load_messages(replies))


def _cap_reached(cap: Cap, new: NewCall, daily_cap_usd: Decimal | None) -> CostCapReached:
    """Return why a call was not made, in words for who reads the item."""
    reached = "the job's max_cost_usd"
    if cap is Cap.DAY:
        reached = f"the {daily_cap_usd} USD that this service may spend a day"
    if new.expected_usd is None:
        return CostCapReached(f"{reached} cannot be kept: the price of {new.model} is not known")
    return CostCapReached(f"another call, about {new.expected_usd:.6f} USD, would pass {reached}")


def _after(gate: Gate, error: ClaudeError | None, now: datetime) -> Gate:
    """Return what a request's end teaches all workers."""
    match error:
        case ClaudeLimited():
            return gates.after_limit(gate, Problem.of(error), now, error.retry_after_s)
        case ClaudeUnavailable():
            return gates.after_failure(gate, Problem.of(error), now, error.retry_after_s)
        case ClaudeMisconfigured():
            return gates.after_refusal(gate, Problem.of(error), now)
        case _:
            return gates.after_success(gate)


def ledger_entry(call: CallOutcome) -> LedgerEntry:
    """Return a request's end as the ledger keeps it."""
    usage = call.usage
    return LedgerEntry(
        outcome=call.outcome.value,
        latency_s=call.latency_s,
        usd=call.usd,
        request_id=call.request_id,
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        cache_read_tokens=usage.cache_read_tokens if usage else None,
        cache_write_tokens=usage.cache_write_tokens if usage else None,
    )
