"""Fuzzing: in a short form with every test run, for ``FUZZ_S`` seconds each by `make fuzz`."""

import os

FUZZ_S = int(os.environ.get("FUZZ_S", "0"))
