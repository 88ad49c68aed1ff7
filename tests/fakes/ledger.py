"""A ledger of Claude calls that lives as long as a test."""

from shared.claude.prices import Usage
from workers.claude.client import CallOutcome


class Ledger:
    """What a ledger was told, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.expected: list[Usage] = []
        self.outcomes: list[CallOutcome] = []

    def open_call(self, model: str, expected: Usage) -> str:
        """Take a request that is about to go out; return the row's id."""
        self.expected.append(expected)
        self.events.append(f"open {model}")
        return f"call-{len(self.events)}"

    def close_call(self, call_id: str, outcome: CallOutcome) -> None:
        """Take how the request ended."""
        self.events.append(f"close {call_id}")
        self.outcomes.append(outcome)
