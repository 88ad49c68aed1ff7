"""The one call to Claude that names what was measured, and the checks on its answer."""

from workers.claude.client import CallOutcome, Model, client_for
from workers.claude.naming import name_measurements
from workers.claude.prices import Usage, usd
from workers.claude.prompt import PROMPT_VERSION
from workers.claude.traits import traits_of

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
