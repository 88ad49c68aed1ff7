"""The one border to Anthropic's API: a request goes out, a message or one of our errors returns.

Retries are not made here (``max_retries=0``): the SDK would sleep for as long as the server
asks, hours if it likes, and hold a worker meanwhile. The engine puts the work off instead.
"""

import base64
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache

import anthropic
import httpx2
from anthropic.resources import Models
from anthropic.resources.messages import Batches
from anthropic.types import Message, MessageParam, ToolChoiceParam, ToolParam
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

from shared.claude.budget import Bucket, read_limits
from shared.claude.prices import Usage, usd
from shared.claude.traits import ToolUse, Traits, traits_of
from shared.errors import ClaudeError, ClaudeMisconfigured
from workers.claude.failures import Failure, Outcome, limits_of, translate, unreadable
from workers.images import EncodedImage

# Together with the longest silence that settings allow under the 60 s of a work lease, so that a
# request does not outlive it.
_CONNECT_S, _WRITE_S, _POOL_S = 5.0, 8.0, 5.0
LONGEST_SILENCE_S = 40.0


@dataclass(frozen=True, slots=True)
class Request:
    """One single-turn question about one picture, to be answered with one tool.

    ``expected`` is what it will use, as far as that can be told beforehand.
    """

    system: str
    image: EncodedImage
    text: str
    tool: ToolParam
    max_tokens: int
    expected: Usage

    def digest(self, model: str) -> str:
        """Return what tells this question to a model from every other about the same picture."""
        asked = json.dumps([model, self.system, self.text, self.tool])
        return hashlib.sha256(asked.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a request ended, for the ledger. None is not known, which is not zero."""

    outcome: Outcome
    latency_s: float
    request_id: str | None = None
    usage: Usage | None = None
    usd: Decimal | None = None
    error: ClaudeError | None = None
    limits: Mapping[str, Bucket] = field(default_factory=dict)


OpenCall = Callable[[str, Usage], str]
CloseCall = Callable[[str, CallOutcome], None]
PriceOf = Callable[[str, Usage], Decimal | None]


class Client:
    """A connection pool to the API, and what it has taught us about its models.

    Safe between threads, not across a fork: get it from ``client_for``.
    """

    def __init__(
        self, api_key: str, base_url: str | None, silence_s: float = LONGEST_SILENCE_S
    ) -> None:
        """Take the key, the address and how long it may be silent; nothing is sent yet.

        Raises:
            ClaudeMisconfigured: The key is blank. The SDK would report a connection error.
        """
        if not api_key.strip():
            raise ClaudeMisconfigured("ANTHROPIC_API_KEY is empty")
        self._sdk = anthropic.Anthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            timeout=httpx2.Timeout(silence_s, connect=_CONNECT_S, write=_WRITE_S, pool=_POOL_S),
        )
        self._messages = self._sdk.messages
        self.models: Models = self._sdk.models
        self._unforceable: set[str] = set()

    def close(self) -> None:
        """Close the connections; nothing can be sent any more."""
        self._sdk.close()

    def send(self, model: str, request: Request) -> tuple[object, Mapping[str, Bucket]]:
        """Send a request once; return what came, and what it tells of the rate limits.

        Raises:
            anthropic.AnthropicError: The API, or the way to it, failed.
            httpx2.HTTPError: The connection dropped.
            ValueError: The body is not JSON.
        """
        answer = self._messages.with_raw_response.create(**self.params(model, request))
        return answer.parse(), read_limits(answer.headers)

    def params(self, model: str, request: Request) -> MessageCreateParamsNonStreaming:
        """Return a request as the API takes it, by itself or in a batch."""
        traits = traits_of(model)
        params: MessageCreateParamsNonStreaming = {
            "model": model,
            "max_tokens": request.max_tokens,
            "system": [
                {"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}
            ],
            "messages": [_user_turn(request)],
            "tools": [request.tool],
            "tool_choice": self._tool_choice(model, request.tool["name"]),
        }
        if traits.low_effort:
            params["output_config"] = {"effort": "low"}
        if traits.between_tools:
            params["thinking"] = {"type": "between_tools"}
        return params

    @property
    def batches(self) -> Batches:
        """The SDK's way to Message Batches."""
        return self._messages.batches

    def thinks(self, model: str) -> bool:
        """Whether thinking may take a part of the output: a forced tool leaves no room for it."""
        return traits_of(model).thinks or not self.forces(model)

    def forces(self, model: str) -> bool:
        """Return whether the model is made to use the tool, as far as is known by now."""
        return traits_of(model).tool_use is ToolUse.FORCED and model not in self._unforceable

    def stop_forcing(self, model: str) -> None:
        """Remember that the model refused a forced tool."""
        self._unforceable.add(model)

    def _tool_choice(self, model: str, tool: str) -> ToolChoiceParam:
        if self.forces(model):
            return {"type": "tool", "name": tool, "disable_parallel_tool_use": True}
        return {"type": "auto", "disable_parallel_tool_use": True}


def client_for(api_key: str, base_url: str | None, silence_s: float = LONGEST_SILENCE_S) -> Client:
    """Return this process's client for a key and an address, made on first use."""
    return _client_of_process(os.getpid(), api_key, base_url, silence_s)


@lru_cache(maxsize=4)
def _client_of_process(_pid: int, api_key: str, base_url: str | None, silence_s: float) -> Client:
    return Client(api_key, base_url, silence_s)


@dataclass(frozen=True, slots=True)
class Model:
    """One model reached through one client, with each request entered in a ledger.

    ``open_call`` is told the model and the expected usage before a request and returns the id of
    the ledger's row, ``close_call`` is told how the request ended. A row left open is a request
    that nobody saw the end of. ``given`` are answers that are there already, by the digest of
    their request: each is the answer to that request once.
    """

    name: str
    client: Client
    open_call: OpenCall
    close_call: CloseCall
    given: dict[str, Message] = field(default_factory=dict)

    @property
    def traits(self) -> Traits:
        """What the model accepts."""
        return traits_of(self.name)

    def ask(self, request: Request) -> Message:
        """Return the model's message, whose ``content`` and ``stop_reason`` are there.

        Raises:
            ClaudeUnavailable: It may work later.
            ClaudeRefused: The API does not take this request.
            ClaudeMisconfigured: The API takes no request of this account.
            CostCapReached: The request would cost more than may be spent; it is not sent.
        """
        if (given := self.given.pop(request.digest(self.name), None)) is not None:
            return given
        answer = self._request(request)
        if isinstance(answer, Failure) and answer.forcing_refused:
            self.client.stop_forcing(self.name)
            answer = self._request(request)
        if isinstance(answer, Failure):
            raise answer.error
        return answer

    def _request(self, request: Request) -> Message | Failure:
        """Send once, between the two entries in the ledger."""
        call_id = self.open_call(self.name, request.expected)
        started_at = time.monotonic()
        limits: Mapping[str, Bucket] = {}
        try:
            message, limits = self.client.send(self.name, request)
            answer = check_message(message)
        except (anthropic.AnthropicError, httpx2.HTTPError, ValueError) as error:
            answer = translate(error)
            limits = limits_of(error)
        latency_s = time.monotonic() - started_at
        outcome = call_outcome(answer, self.name, latency_s)
        self.close_call(call_id, replace(outcome, limits=limits))
        return answer


def check_message(message: object) -> Message | Failure:
    """Return the message, or a failure when a 200 carried something else.

    The SDK returns a body that is not JSON as a string, and ``{}`` as a message of Nones.
    """
    if not isinstance(message, Message):
        return unreadable("the API answered 200 with something that is not JSON")
    if not isinstance(message.content, list) or not message.stop_reason:
        return unreadable("the API answered 200 with JSON that is not a message")
    return message


_STOPS = {
    "refusal": Outcome.REFUSED,
    "max_tokens": Outcome.CUT_SHORT,
    "model_context_window_exceeded": Outcome.CUT_SHORT,
}


def call_outcome(
    answer: Message | Failure, model: str, latency_s: float, price: PriceOf = usd
) -> CallOutcome:
    """Return the ledger's entry for an answer."""
    if isinstance(answer, Failure):
        return CallOutcome(
            answer.outcome, latency_s, answer.request_id, usd=answer.usd, error=answer.error
        )
    usage = _read_usage(answer)
    return CallOutcome(
        outcome=_STOPS.get(str(answer.stop_reason), Outcome.ANSWERED),
        latency_s=latency_s,
        request_id=getattr(answer, "_request_id", None),  # an answer of a batch has none
        usage=usage,
        usd=None if usage is None else price(model, usage),
    )


def _read_usage(message: Message) -> Usage | None:
    """Return what a message says it used, None when it does not say."""
    told = message.usage
    if told is None or told.input_tokens is None or told.output_tokens is None:
        return None
    written = told.cache_creation_input_tokens or 0
    written_1h = told.cache_creation.ephemeral_1h_input_tokens if told.cache_creation else 0
    return Usage(
        input_tokens=told.input_tokens,
        output_tokens=told.output_tokens,
        cache_read_tokens=told.cache_read_input_tokens or 0,
        cache_write_5m_tokens=written - written_1h,
        cache_write_1h_tokens=written_1h,
    )


def _user_turn(request: Request) -> MessageParam:
    """Return the picture followed by the text: images are understood best when first."""
    data = base64.standard_b64encode(request.image.png).decode("ascii")
    return {
        "role": "user",
        "content": [
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": data},
            },
            {"type": "text", "text": request.text},
        ],
    }
