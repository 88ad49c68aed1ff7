"""What an account may ask of a model, as the API tells it; nothing is paid for that."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import anthropic
import httpx2
from anthropic.types import ModelInfo

from shared.errors import ClaudeError
from workers.claude.client import Client
from workers.claude.failures import translate, unreadable


class Lifecycle(StrEnum):
    """Where a model is in its life."""

    ACTIVE = "active"
    DEPRECATED = "deprecated"  # still answers those who used it
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model as the API knows it. None of ``takes_…`` is told for some models."""

    id: str
    lifecycle: Lifecycle
    retires_at: datetime | None
    takes_images: bool | None
    takes_strict_tools: bool | None


def find_model(client: Client, name: str) -> ModelFacts | None:
    """Ask the API for a model; None when it has none of this name.

    Raises:
        ClaudeError: The account, the address or the API cannot be used.
    """
    try:
        found = client.models.retrieve(name)
    except anthropic.NotFoundError:
        return None
    except (anthropic.AnthropicError, httpx2.HTTPError, ValueError) as error:
        raise _error(error) from error
    if not isinstance(found, ModelInfo) or found.lifecycle not in set(Lifecycle):
        raise unreadable("the API answered 200 with something that is not a model").error
    can = found.capabilities
    return ModelFacts(
        id=found.id,
        lifecycle=Lifecycle(found.lifecycle),
        retires_at=found.retires_at,
        takes_images=can.image_input.supported if can else None,
        takes_strict_tools=can.structured_outputs.supported if can else None,
    )


def _error(error: Exception) -> ClaudeError:
    return translate(error).error
