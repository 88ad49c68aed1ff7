"""`make bench`: every benchmark, one after the other. Ends with 1 when a promise is missed."""

import sys
import time

from tests.bench import (
    cache_cost,
    cost,
    fairness,
    large_job,
    measure,
    merging,
    pages,
    queue_cost,
    state_cost,
    systems,
    throughput,
    upload_memory,
)
from tests.bench.figures import report


def main() -> int:
    """Run all; return how the program ends."""
    begun_s = time.monotonic()
    parts = (
        measure,
        throughput,
        queue_cost,
        upload_memory,
        state_cost,
        cache_cost,
        large_job,
        fairness,
        cost,
        merging,
        systems,
        pages,
    )
    kept = [report(part.run()) for part in parts]
    print(f"in all {time.monotonic() - begun_s:.0f} s")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
