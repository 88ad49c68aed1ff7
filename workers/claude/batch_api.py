"""The border to the Message Batches API: batches are made, found, looked at and read.

As in ``client.py``, nothing is tried twice here, and what goes wrong is told in our own errors.
The API takes no key that would make a second submission of the same batch harmless, and says of
a batch only when it was made and how many requests it has: ``find`` goes by these.
"""

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime

import anthropic
import httpx2
from anthropic.types import Message
from anthropic.types.messages import (
    MessageBatch,
    MessageBatchErroredResult,
    MessageBatchIndividualResponse,
    MessageBatchSucceededResult,
)
from anthropic.types.messages.batch_create_params import Request as BatchRequest

from shared.claude.prices import batch_usd
from shared.errors import ClaudeError, ClaudeRefused, ClaudeUnavailable
from workers.claude.client import CallOutcome, Client, Request, call_outcome, check_message
from workers.claude.failures import FREE, Failure, Outcome, translate

# A batch of many megabytes is some time on its way, and results come as a long stream.
TIMEOUT = httpx2.Timeout(connect=5.0, read=120.0, write=30.0, pool=5.0)
# Batches a page of the list; the one that is looked for is among the newest.
PAGE = 100


class BatchGone(ClaudeError):
    """The API does not know the batch, or keeps its results no longer."""

    code = "claude_batch_gone"
    title = "The Message Batch is gone"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request of a batch, by its name in it."""

    custom_id: str
    model: str
    request: Request


@dataclass(frozen=True, slots=True)
class Ended:
    """How one request of a batch ended: the ledger's entry, and the message's JSON if any."""

    custom_id: str
    outcome: CallOutcome
    message: str | None = None


class BatchApi:
    """The batches of the account that a client belongs to."""

    def __init__(self, client: Client) -> None:
        """Go through this client's connections."""
        self._client = client
        self._batches = client.batches

    def create(self, requests: Sequence[Prepared]) -> str | Failure:
        """Submit a batch and return the API's name for it.

        A failure with a cost of nothing means that there is none now; with any other, there may
        be one.
        """
        try:
            made = self._batches.create(
                requests=[self._params(each) for each in requests], timeout=TIMEOUT
            )
        except (anthropic.AnthropicError, httpx2.HTTPError, ValueError) as error:
            failure = translate(error)
            # A server that failed may have failed after it stored the batch.
            sure = failure.outcome is not Outcome.OVERLOADED
            return Failure(failure.outcome, failure.error, failure.usd if sure else None)
        if not isinstance(made, MessageBatch) or not made.id:
            unreadable = ClaudeUnavailable("the API answered 200 with something else than a batch")
            return Failure(Outcome.UNREADABLE, unreadable, usd=None)
        return made.id

    def _params(self, prepared: Prepared) -> BatchRequest:
        params = self._client.params(prepared.model, prepared.request)
        return {"custom_id": prepared.custom_id, "params": params}

    def find(self, since: datetime, count: int) -> list[str]:
        """Return the batches of so many requests that were made since a time, oldest first.

        Raises:
            ClaudeError: The list could not be read.
        """
        found = []
        with _translated():
            for batch in self._batches.list(limit=PAGE, timeout=TIMEOUT):
                if batch.created_at < since:
                    break
                counts = batch.request_counts
                total = counts.processing + counts.succeeded + counts.errored
                if total + counts.canceled + counts.expired == count:
                    found.append(batch.id)
        return found[::-1]

    def has_ended(self, api_id: str) -> bool:
        """Tell whether the results of a batch can be read.

        Raises:
            BatchGone: They never can any more.
            ClaudeError: The API did not say.
        """
        with _translated():
            batch = self._batches.retrieve(api_id, timeout=TIMEOUT)
        if not isinstance(batch, MessageBatch) or not batch.processing_status:
            raise ClaudeUnavailable("the API answered 200 with something else than a batch")
        if batch.archived_at is not None:
            raise BatchGone(f"the results of {api_id} are archived")
        return batch.processing_status == "ended" and batch.results_url is not None

    def cancel(self, api_id: str) -> None:
        """Have the requests of a batch that have not begun stay undone.

        Raises:
            ClaudeError: The API did not take it; a batch that has ended cannot be canceled.
        """
        with _translated():
            self._batches.cancel(api_id, timeout=TIMEOUT)

    def results(self, api_id: str, latency_s: float) -> Generator[Ended]:
        """Yield how each request of an ended batch ended, in any order.

        Raises:
            ClaudeError: The stream broke off, or could not be read.
        """
        with _translated(), closing(self._batches.results(api_id, timeout=TIMEOUT)) as lines:
            for line in lines:
                yield _read_line(line, latency_s)


@contextmanager
def _translated() -> Iterator[None]:
    """Say what went wrong in our own errors."""
    try:
        yield
    except anthropic.NotFoundError as error:
        raise BatchGone("the API knows no such batch") from error
    except (anthropic.AnthropicError, httpx2.HTTPError, ValueError) as error:
        raise translate(error).error from error
    except (AttributeError, TypeError) as error:
        # The SDK builds what it is sent without looking at it.
        raise ClaudeUnavailable("the API answered 200 with something unreadable") from error


def _read_line(line: MessageBatchIndividualResponse, latency_s: float) -> Ended:
    """Return the end of one request; only what succeeded is billed."""
    result = line.result
    if isinstance(result, MessageBatchSucceededResult):
        return _read_message(line.custom_id, result.message, latency_s)
    if isinstance(result, MessageBatchErroredResult):
        error = ClaudeRefused(f"in a batch: {result.error.error.message}")
        outcome = CallOutcome(Outcome.REJECTED, latency_s, usd=FREE, error=error)
        return Ended(line.custom_id, outcome)
    unbegun = Outcome.CANCELED if result.type == "canceled" else Outcome.EXPIRED
    return Ended(line.custom_id, CallOutcome(unbegun, latency_s, usd=FREE))


def _read_message(custom_id: str, message: Message, latency_s: float) -> Ended:
    answer = check_message(message)
    model = message.model if isinstance(answer, Message) else ""
    outcome = call_outcome(answer, model, latency_s, batch_usd)
    if isinstance(answer, Failure):
        return Ended(custom_id, outcome)
    return Ended(custom_id, outcome, json.dumps(answer.to_dict(mode="json", warnings=False)))


def load_messages(kept: Mapping[str, str]) -> dict[str, Message]:
    """Return messages that were kept as JSON, less those that are not whole."""
    made = {key: check_message(Message.construct(**json.loads(kept[key]))) for key in kept}
    return {key: answer for key, answer in made.items() if isinstance(answer, Message)}
