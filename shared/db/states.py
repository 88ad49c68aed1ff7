"""The states of jobs, items and work, and which may follow which.

The database holds these tables, too (triggers of the migrations), so that no statement can take
a row from a state to one that must not follow. ``docs/architecture.md`` says who makes each step.
"""

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"  # accepted, no worker has begun
    UNPACKING = "unpacking"  # its archives are being read; items appear meanwhile
    RUNNING = "running"  # its items are worked on
    SUCCEEDED = "succeeded"  # every item is good
    PARTIALLY_SUCCEEDED = "partially_succeeded"  # some are
    FAILED = "failed"  # none is, or there was none
    CANCELED = "canceled"
    EXPIRED = "expired"


class ItemState(StrEnum):
    """Where an item stands; queued, running or waiting is told by its work while pending."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class WorkState(StrEnum):
    """Where a unit of work stands."""

    QUEUED = "queued"  # may be claimed once not_before has passed
    RUNNING = "running"  # leased
    DONE = "done"  # has a result
    DEAD = "dead"  # has an error, and is not tried again by itself
    CANCELED = "canceled"


class GateState(StrEnum):
    """Whether calls pass a gate, in the words of circuit breakers."""

    CLOSED = "closed"  # they pass
    OPEN = "open"  # none does before retry_at; after it one does, as a probe
    MISCONFIGURED = "misconfigured"  # none can succeed before somebody mends the account


class DeliveryState(StrEnum):
    """Where a message to a webhook stands."""

    PENDING = "pending"  # sent once next_attempt_at has passed
    SUCCEEDED = "succeeded"  # its receiver took it
    FAILED = "failed"  # no tries are left; a redelivery begins anew


class BatchState(StrEnum):
    """Where a Message Batch stands."""

    COLLECTED = "collected"  # its units are chosen; there is none at the API
    SENT = "sent"  # its members are written, and whether the API has it is not known
    SUBMITTED = "submitted"  # the API has it
    ENDED = "ended"  # every member has its answer, or goes without


class Stage(StrEnum):
    """The steps of an image (measure to assemble), of a job (unpack to preview) and of a batch."""

    UNPACK = "unpack"
    MEASURE = "measure"
    NAME = "name"
    ASSEMBLE = "assemble"
    MERGE = "merge"
    PREVIEW = "preview"
    BATCH = "batch"


class Cap(StrEnum):
    """What kept a call from being made."""

    JOB = "job"  # the job's own `max_cost_usd`
    DAY = "day"  # what the whole service may spend a day


# The state a new row has, and the states that may follow each.
JOB_STARTS = frozenset({JobState.QUEUED})
JOB_STEPS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset(
        {JobState.UNPACKING, JobState.RUNNING, JobState.FAILED, JobState.CANCELED}
    ),
    JobState.UNPACKING: frozenset({JobState.RUNNING, JobState.CANCELED}),
    JobState.RUNNING: frozenset(
        {
            JobState.SUCCEEDED,
            JobState.PARTIALLY_SUCCEEDED,
            JobState.FAILED,
            JobState.CANCELED,
        }
    ),
    # A retry queues an ended job again.
    JobState.SUCCEEDED: frozenset({JobState.QUEUED, JobState.EXPIRED}),
    JobState.PARTIALLY_SUCCEEDED: frozenset({JobState.QUEUED, JobState.EXPIRED}),
    JobState.FAILED: frozenset({JobState.QUEUED, JobState.EXPIRED}),
    JobState.CANCELED: frozenset({JobState.QUEUED, JobState.EXPIRED}),
    JobState.EXPIRED: frozenset(),
}
ITEM_STARTS = frozenset({ItemState.PENDING, ItemState.FAILED})
ITEM_STEPS: dict[ItemState, frozenset[ItemState]] = {
    ItemState.PENDING: frozenset({ItemState.SUCCEEDED, ItemState.FAILED, ItemState.CANCELED}),
    ItemState.SUCCEEDED: frozenset({ItemState.PENDING}),
    ItemState.FAILED: frozenset({ItemState.PENDING}),
    ItemState.CANCELED: frozenset({ItemState.PENDING}),
}
WORK_STARTS = frozenset({WorkState.QUEUED})
WORK_STEPS: dict[WorkState, frozenset[WorkState]] = {
    WorkState.QUEUED: frozenset({WorkState.RUNNING, WorkState.CANCELED}),
    WorkState.RUNNING: frozenset(
        {WorkState.DONE, WorkState.DEAD, WorkState.QUEUED, WorkState.CANCELED}
    ),
    WorkState.DONE: frozenset({WorkState.CANCELED}),
    WorkState.DEAD: frozenset({WorkState.CANCELED}),
    WorkState.CANCELED: frozenset({WorkState.QUEUED}),
}
DELIVERY_STEPS: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.PENDING: frozenset({DeliveryState.SUCCEEDED, DeliveryState.FAILED}),
    DeliveryState.SUCCEEDED: frozenset({DeliveryState.PENDING}),
    DeliveryState.FAILED: frozenset({DeliveryState.PENDING}),
}
BATCH_STEPS: dict[BatchState, frozenset[BatchState]] = {
    BatchState.COLLECTED: frozenset({BatchState.SENT, BatchState.ENDED}),
    BatchState.SENT: frozenset({BatchState.COLLECTED, BatchState.SUBMITTED, BatchState.ENDED}),
    # What was taken for it proved to be another's.
    BatchState.SUBMITTED: frozenset({BatchState.SENT, BatchState.ENDED}),
    BatchState.ENDED: frozenset(),
}
OPEN_JOBS = frozenset({JobState.QUEUED, JobState.UNPACKING, JobState.RUNNING})
