"""The one call to Claude that names what was measured, and the checks on its answer."""

from shared.claude.prices import Usage, usd
from shared.claude.traits import traits_of
from workers.claude.client import CallOutcome, Model, client_for
from workers.claude.naming import name_measurements
from workers.claude.prompt import PROMPT_VERSION

__all__ = [
    "PROMPT_VERSION",
    "CallOutcome",
    "Model",
    "Usage",
    "client_for",
    "name_measurements",
    "traits_of",
    "usd",
]
