"""The version of what Claude is told, part of the key that its answers are cached under.

The words and the schema are the workers' own; the key is made where jobs are stored. So the
version is written down here, and a test holds it to ``workers.claude.prompt.fingerprint``.
"""

PROMPT_VERSION = "be757380"
