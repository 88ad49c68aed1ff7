"""What naming an image costs at list prices, by the requests that are really sent.

Each page is measured and named as a worker does it, over HTTP, by a Claude of our own that counts
pictures by the documented formula and text near a published tokenizer. Beside it stands what our
design replaces: five calls an image, one a token type, that answer the values themselves.
"""

import sys
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import mean
from typing import Any

from anthropic.types import ToolParam
from llmock.scenarios import Reply, ToolCall

from shared.claude.prices import Usage, batch_usd, usd
from shared.claude.traits import traits_of
from shared.tokens import TokenType
from tests.bench.figures import Figure, report
from tests.bench.pictures import pages
from tests.fakes.claude import ClaudeServer
from tests.fakes.ledger import Ledger
from workers.assemble import TOKEN_CLASSES, assemble
from workers.claude.client import Client, Model, Request
from workers.claude.naming import name_measurements
from workers.claude.tools import ENTRIES
from workers.images import EncodedImage, decode, fit_for_model
from workers.measure import measure_image
from workers.measure.measurements import Measurements

PART = "cost"
FAST, GOOD = "claude-haiku-5-5", "claude-sonnet-5-5"
MOST = {FAST: 0.0015, GOOD: 0.025}
MOST_BATCH = {FAST: 0.0008}
MOST_OF_FIVE = 0.40

EXTRACT = """\
You are an expert in design systems. Look at the screenshot and extract every {} token that you \
can find. For each give a semantic name, the exact value, a description of where it is used, \
your confidence, its role, how often it is used and where one instance of it is. Answer with the \
tool."""


Usages = list[Usage]


@dataclass(slots=True)
class Bill:
    """The usage of each request, image by image."""

    images: list[Usages] = field(default_factory=list)

    def mean_usd(self, model: str, *, in_batches: bool = False) -> float:
        """Return the mean cost of an image; in batches nothing counts as cached."""
        costs = [[_cost(model, usage, in_batches) for usage in image] for image in self.images]
        return mean(float(sum(calls)) for calls in costs)

    def mean_tokens(self, name: str) -> float:
        """Return the mean of one kind of tokens an image."""
        counts = [[int(getattr(usage, name)) for usage in image] for image in self.images]
        return mean(float(sum(calls)) for calls in counts)


def _cost(model: str, usage: Usage, in_batches: bool) -> Decimal:  # noqa: FBT001 -- of this file
    cost = usd(model, usage)
    if in_batches:
        cost = batch_usd(model, Usage(usage.prompt_tokens, usage.output_tokens))
    if cost is None:
        message = f"{model} is not in the price list"
        raise RuntimeError(message)
    return cost


def name_once(
    claude: ClaudeServer, model: str, image: EncodedImage, found: Measurements
) -> Usages:
    """Name an image as a worker does, and return what the ledger was told."""
    ledger = Ledger()
    asked = Model(model, client_of(claude), ledger.open_call, ledger.close_call)
    naming = name_measurements(asked, image, found)
    if naming.degraded is not None:
        raise RuntimeError(naming.degraded.detail)
    return [each.usage for each in ledger.outcomes if each.usage is not None]


def extract_five_times(
    claude: ClaudeServer, model: str, image: EncodedImage, found: Measurements
) -> Usages:
    """Ask for each type's values in a call of its own, as was done before."""
    ledger = Ledger()
    asked = Model(model, client_of(claude), ledger.open_call, ledger.close_call)
    tokens = assemble(found, None, tuple(ENTRIES))
    for token_type in ENTRIES:
        values = [_value(token) for token in getattr(tokens, token_type.value)]
        answer = ToolCall(f"extract_{token_type.value}", {"tokens": values})
        claude.script(Reply(tool_calls=(answer,)))
        asked.ask(_old_request(image, token_type))
    return [each.usage for each in ledger.outcomes if each.usage is not None]


def _value(token: Any) -> dict[str, Any]:  # noqa: ANN401 -- a token of any type
    """Return a token as a model would write it that has to tell its value and place."""
    told: dict[str, Any] = token.model_dump(
        mode="json", by_alias=True, include={"name", "value", "usage"}
    )
    box = token.boxes[0].model_dump() if token.boxes else None
    return told | {
        "description": f"Seen as {token.role or 'part'} in the main content",
        "confidence": 0.9,
        "role": token.role or "other",
        "bounding_box": box,
    }


def _old_request(image: EncodedImage, token_type: TokenType) -> Request:
    token_class: Any = TOKEN_CLASSES[token_type]
    value = token_class.model_json_schema()
    tool: ToolParam = {
        "name": f"extract_{token_type.value}",
        "description": f"Report the {token_type.value} tokens of the screenshot",
        "input_schema": {
            "type": "object",
            "properties": {"tokens": {"type": "array", "items": value}},
        },
    }
    text = f"Extract the {token_type.value} tokens of this screenshot."
    return Request(EXTRACT.format(token_type.value), image, text, tool, 8000, Usage(0, 0))


def client_of(claude: ClaudeServer) -> Client:
    """Return a client of the server."""
    return Client("a-key", claude.base_url)


def encode(rgb: Any, model: str) -> EncodedImage:  # noqa: ANN401 -- pixels
    """Return an image as a model is shown it."""
    traits = traits_of(model)
    return fit_for_model(rgb, traits.max_edge_px, traits.max_image_tokens)


def send_all() -> dict[str, tuple[Bill, Bill]]:
    """Return the bills of one call and of five, by model."""
    bills = {model: (Bill(), Bill()) for model in (FAST, GOOD)}
    with ClaudeServer() as claude:
        for _, data in pages():
            rgb = decode(data)
            found = measure_image(rgb)
            for model, (ours, five) in bills.items():
                image = encode(rgb, model)
                ours.images.append(name_once(claude, model, image, found))
                five.images.append(extract_five_times(claude, model, image, found))
                claude.requests.clear()
    return bills


def run() -> list[Figure]:
    """Return the cost of an image on two models, each way."""
    figures = []
    for model, (ours, five) in send_all().items():
        cost, old = ours.mean_usd(model), five.mean_usd(model)
        batch = ours.mean_usd(model, in_batches=True)
        figures += [
            Figure(PART, f"{model}, an image", cost, "USD", at_most=MOST[model]),
            Figure(
                PART, f"{model}, an image in a batch", batch, "USD", at_most=MOST_BATCH.get(model)
            ),
            Figure(PART, f"{model}, the same in five calls", old, "USD"),
            Figure(PART, f"{model}, of five calls", cost / old, "", at_most=MOST_OF_FIVE),
        ]
        for way, bill in (("", ours), (" in five calls", five)):
            figures += [
                Figure(PART, f"{model}, {name}{way}", bill.mean_tokens(name), "")
                for name in ("input_tokens", "cache_read_tokens", "output_tokens")
            ]
    return figures


if __name__ == "__main__":
    sys.exit(not report(run()))
