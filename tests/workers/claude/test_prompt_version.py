"""The version that answers are cached under changes with what Claude is told."""

from shared.claude.prompt_version import PROMPT_VERSION
from workers.claude.prompt import fingerprint


def test_the_version_is_that_of_the_words_and_the_schema() -> None:
    assert fingerprint() == PROMPT_VERSION
