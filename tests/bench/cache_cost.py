"""What looking images up costs, in PostgreSQL as it is done and in Redis as it could be.

A hot copy in Redis could save the lookup and nothing else: that an image was found is written to
its item and its job in PostgreSQL in any case, and its tokens are read from there. So the figure
that decides is the lookup's part of the transaction that submits images seen before.
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from redis import Redis
from sqlalchemy import Engine, text

from shared.db.engine import connect, transaction
from shared.db.jobs import naming_hash
from shared.db.known_images import look_up
from shared.db.migrate import migrate
from tests.bench.figures import Figure, report
from tests.bench.running import stores
from tests.bench.state_cost import OWNER, assemble_all, measure_all, submit

PART = "cache"
IMAGES = 5000
# Unpacking adds items so many at a time.
AT_ONCE = 100
ROUNDS = 200
# What a key of the cache says of an image: its units' ids and states.
ENTRY = b'{"measure": 1234567, "name": 1234568, "assemble": 1234569, "degraded": false}'


def median_s(do: Callable[[int], object], rounds: int = ROUNDS) -> float:
    """Return how long something takes, done again and again about other images."""
    times = []
    for number in range(rounds):
        begun = time.perf_counter()
        do(number)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def fill(engine: Engine, redis: Redis) -> None:
    """Extract images, and keep a hot copy of each as a read-through would."""
    with transaction(engine) as connection:
        connection.execute(
            text("INSERT INTO users (id, email, password_hash) VALUES (:id, 'a@b.c', '')"),
            {"id": OWNER},
        )
    submit(engine, IMAGES)
    measure_all(engine)
    assemble_all(engine)
    for name in keys(0, IMAGES):
        redis.set(name, ENTRY, ex=3600)


def hashes(first: int, count: int) -> list[str]:
    """Return hashes of some images that are there."""
    return [f"{(first + n) % IMAGES:064x}" for n in range(count)]


def keys(first: int, count: int) -> list[str]:
    """Return the same as keys of the hot copy."""
    return [f"cache:{OWNER}:{sha256}:1" for sha256 in hashes(first, count)]


def ask_database(engine: Engine, wanted: Sequence[str]) -> None:
    """Look images up in a transaction of its own."""
    options_hash = naming_hash("cv", {"token_types": ["color"]})
    with transaction(engine) as connection:
        look_up(connection, OWNER, wanted, options_hash)


def run() -> list[Figure]:
    """Return lookups of both, and their part of a submission."""
    with TemporaryDirectory(prefix="copythat-bench-") as directory, stores(Path(directory)) as at:
        migrate(at.database_url)
        engine = connect(at.database_url)
        with Redis(unix_socket_path=at.broker_url.partition("://")[2]) as redis:
            fill(engine, redis)
            one_in_postgres = median_s(lambda n: ask_database(engine, hashes(n, 1)))
            one_in_redis = median_s(lambda n: redis.get(keys(n, 1)[0]))
            many_in_postgres = median_s(lambda n: ask_database(engine, hashes(n, AT_ONCE)))
            many_in_redis = median_s(lambda n: redis.mget(keys(n, AT_ONCE)))
            submitted = median_s(lambda n: submit(engine, AT_ONCE, n * 10), 40)
        engine.dispose()
    return [
        Figure(PART, "one image looked up, PostgreSQL", one_in_postgres * 1e3, "ms"),
        Figure(PART, "one image looked up, Redis", one_in_redis * 1e3, "ms"),
        Figure(PART, "100 images looked up, PostgreSQL", many_in_postgres * 1e3, "ms"),
        Figure(PART, "100 images looked up, Redis", many_in_redis * 1e3, "ms"),
        Figure(PART, "100 images seen before, submitted to their end", submitted * 1e3, "ms"),
        Figure(PART, "of it what Redis could save at the most",
               (many_in_postgres - many_in_redis) / submitted, ""),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(not report(run()))
