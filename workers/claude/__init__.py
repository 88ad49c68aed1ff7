"""The one call to Claude that names what was measured, and the checks on its answer."""

from shared.claude.prices import Usage, usd
from shared.claude.traits import traits_of
from workers.claude.batch_api import BatchApi, BatchGone, Ended, Prepared, load_messages
from workers.claude.client import CallOutcome, Client, Model, Request, client_for
from workers.claude.failures import Failure
from workers.claude.naming import first_requests, name_measurements

__all__ = [
    "BatchApi",
    "BatchGone",
    "CallOutcome",
    "Client",
    "Ended",
    "Failure",
    "Model",
    "Prepared",
    "Request",
    "Usage",
    "client_for",
    "first_requests",
    "load_messages",
    "name_measurements",
    "traits_of",
    "usd",
]
