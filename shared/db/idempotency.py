"""Idempotency keys: a submission that comes twice, as after a lost answer, makes one job.

The key is taken in the transaction that stores the job. Whoever comes with the same key
meanwhile waits for that transaction, and then finds its job.
"""

from sqlalchemy import Connection, text

from shared.errors import KeyReused

# For how long a key is known at least: twice what is promised.
KEPT_H = 48


def take_key(connection: Connection, owner_id: str, key: str, request_hash: str) -> str | None:
    """Take a key for the job that this transaction is about to store; see ``set_job``.

    Returns:
        The id of the job that the key came to before; None: it is new.

    Raises:
        KeyReused: It came with another request before.
    """
    # An update without effect returns, and locks, the row that is there.
    row = connection.execute(
        text(
            """
            INSERT INTO idempotency_keys (owner_id, key, request_hash)
            VALUES (:owner_id, :key, :request_hash)
            ON CONFLICT (owner_id, key) DO UPDATE SET key = excluded.key
            RETURNING request_hash, job_id
            """
        ),
        {"owner_id": owner_id, "key": key, "request_hash": request_hash},
    ).one()
    if row.request_hash != request_hash:
        raise KeyReused("the key came with other files or options before; take a new one")
    job_id: str | None = row.job_id
    return job_id


def set_job(connection: Connection, owner_id: str, key: str, job_id: str) -> None:
    """Note which job a key that was taken came to; the key goes with the job."""
    connection.execute(
        text(
            "UPDATE idempotency_keys SET job_id = :job_id "
            "WHERE owner_id = :owner_id AND key = :key"
        ),
        {"owner_id": owner_id, "key": key, "job_id": job_id},
    )


def is_known(connection: Connection, owner_id: str, key: str) -> bool:
    """Tell whether a key has come to a job before."""
    found = connection.execute(
        text("SELECT FROM idempotency_keys WHERE owner_id = :owner_id AND key = :key"),
        {"owner_id": owner_id, "key": key},
    )
    return found.one_or_none() is not None


def forget_old(connection: Connection) -> int:
    """Forget the keys that were kept for as long as was promised; return how many."""
    forgotten = connection.execute(
        text(
            "DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(hours => :kept)"
        ),
        {"kept": KEPT_H},
    )
    return forgotten.rowcount
