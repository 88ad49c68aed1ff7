"""Every error the programs raise on purpose.

    CopyThatError
    ├── InvalidRequest            the caller's words are off
    │   ├── InvalidOptions
    │   ├── NothingUsable         no image and no archive among the files
    │   ├── UploadTooLarge
    │   ├── KeyReused             one Idempotency-Key, two requests
    │   └── EmailTaken
    ├── Unauthenticated           no credentials, or wrong or dead ones
    ├── NotFound                  absent, or somebody else's
    ├── NotReady                  it exists, its result does not yet
    ├── Gone                      it existed, its time is over
    ├── JobRunning                not while the job runs
    ├── NothingToRetry            no image of the job could come out otherwise
    ├── TooManyQueued             this user's images wait in too great a number
    ├── UnreadableInput           the bytes cannot become an item; the item fails alone
    │   ├── NotAnImage
    │   ├── ImageTooLarge
    │   ├── DecodeFailed
    │   ├── NestedArchive
    │   └── BadArchive
    │       └── ArchiveBomb
    ├── JobCanceled               a work unit that nobody wants any more
    ├── StageLost                 a work unit ended without its worker saying why
    │   ├── WorkerLost
    │   └── DeadlineExceeded
    ├── ClaudeError
    │   ├── ClaudeUnavailable     try again later
    │   │   └── ClaudeLimited     so many calls at once are not allowed; no try is used up
    │   ├── ClaudeRefused         never for this image on this model
    │   ├── ClaudeMisconfigured   wrong key, spent budget: for nobody, until mended
    │   └── CostCapReached        the caller or the operator wants no more to be spent
    ├── Unavailable               database, broker or storage is away
    │   ├── StorageFull
    │   └── Overloaded            everybody's images wait in too great a number
    └── StartError                the service cannot start here

The HTTP status of each stands in ``api/errors.py``; here is only what it means. ``code`` is what
clients read, so a class may be renamed and its code may not.
"""

from dataclasses import dataclass
from typing import Any, ClassVar


class CopyThatError(Exception):
    """The root. ``detail`` says what was wrong with which value, for the person who reads it."""

    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it is stored and shown: RFC 9457 less what only a request knows."""

    code: str
    title: str
    detail: str

    @classmethod
    def of(cls, error: CopyThatError) -> "Problem":
        """Return the problem that an error amounts to."""
        return cls(error.code, error.title, error.detail)

    @property
    def type(self) -> str:
        """The stable URI reference of this kind of problem."""
        return "/problems/" + self.code.replace("_", "-")

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON members."""
        return {"type": self.type, "title": self.title, "code": self.code, "detail": self.detail}


class InvalidRequest(CopyThatError):
    """The caller's words are off."""

    code = "invalid_request"
    title = "The request cannot be understood"


class InvalidOptions(InvalidRequest):
    """The options field is not JSON, or names an option that does not exist."""

    code = "invalid_options"
    title = "The options are not valid"


class NothingUsable(InvalidRequest):
    """No file is an image or an archive, or no archive holds one."""

    code = "nothing_usable"
    title = "There is no image in what was sent"


class UploadTooLarge(InvalidRequest):
    """A file or the whole request is over its limit."""

    code = "upload_too_large"
    title = "The upload is over the size limit"


class KeyReused(InvalidRequest):
    """An Idempotency-Key came before, with a request that was another."""

    code = "idempotency_key_reused"
    title = "The Idempotency-Key was used for another request"


class EmailTaken(InvalidRequest):
    """Somebody has registered with this address before."""

    code = "email_taken"
    title = "This address is registered already"


class Unauthenticated(CopyThatError):
    """No credentials came, or they are wrong or dead."""

    code = "unauthenticated"
    title = "Credentials are missing or not valid"


class NotFound(CopyThatError):
    """Absent, or somebody else's: the caller cannot tell which."""

    code = "not_found"
    title = "There is no such thing here"


class NotReady(CopyThatError):
    """The object exists and its result does not yet."""

    code = "not_ready"
    title = "The result is not there yet"


class Gone(CopyThatError):
    """The job's results were kept for as long as was promised."""

    code = "results_expired"
    title = "The results are not kept any longer"


class JobRunning(CopyThatError):
    """What was asked cannot be done while the job runs."""

    code = "job_running"
    title = "The job has not ended"


class NothingToRetry(CopyThatError):
    """No image of the job failed or was canceled."""

    code = "nothing_to_retry"
    title = "There is nothing to try again"


class TooManyQueued(CopyThatError):
    """As many of the caller's images wait as may."""

    code = "too_many_queued"
    title = "Too many of your images wait already"


class UnreadableInput(CopyThatError):
    """Bytes that cannot become an item's image."""

    code = "unreadable_image"
    title = "The image cannot be read"


class NotAnImage(UnreadableInput):
    """The content is no image format we read, whatever the name says."""

    code = "not_an_image"
    title = "The file is not an image"


class ImageTooLarge(UnreadableInput):
    """More bytes, pixels or pixels a side than the limits allow."""

    code = "image_too_large"
    title = "The image is over the size limit"


class DecodeFailed(UnreadableInput):
    """The header reads, the pixels do not."""

    code = "decode_failed"
    title = "The image is damaged"


class NestedArchive(UnreadableInput):
    """An archive inside an archive."""

    code = "nested_archive"
    title = "Archives inside archives are not opened"


class BadArchive(UnreadableInput):
    """The archive is damaged, encrypted or of a kind we do not open."""

    code = "bad_archive"
    title = "The archive cannot be read"


class ArchiveBomb(BadArchive):
    """The archive unpacks to more than the limits allow."""

    code = "archive_bomb"
    title = "The archive unpacks to too much"


class JobCanceled(CopyThatError):
    """The job that a worker works for was canceled, or is gone."""

    code = "job_canceled"
    title = "The job was canceled"


class StageLost(CopyThatError):
    """A work unit ended without its worker saying why."""

    code = "stage_lost"
    title = "The work was lost"


class WorkerLost(StageLost):
    """Worker after worker died on the same unit."""

    code = "worker_lost"
    title = "The workers that took this image died"


class DeadlineExceeded(StageLost):
    """The stage took longer than it may."""

    code = "deadline_exceeded"
    title = "The work took too long"


class ClaudeError(CopyThatError):
    """The Claude stage could not name what was measured."""

    code = "claude_failed"
    title = "Claude could not name the tokens"


class ClaudeUnavailable(ClaudeError):
    """Overloaded, limited or out of reach; ``retry_after_s`` is the server's own wish."""

    code = "claude_unavailable"
    title = "Claude is out of reach at the moment"

    def __init__(self, detail: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class ClaudeLimited(ClaudeUnavailable):
    """Too many requests or tokens at once (429)."""

    code = "claude_limited"
    title = "Claude takes no more requests at the moment"


class ClaudeRefused(ClaudeError):
    """The model declined this image, or could not answer in form."""

    code = "claude_refused"
    title = "Claude declined to name the tokens"


class ClaudeMisconfigured(ClaudeError):
    """A wrong key, a missing permission or a spent budget."""

    code = "claude_misconfigured"
    title = "The Claude account does not allow calls"


class CostCapReached(ClaudeError):
    """The call would cost more than the job, or the whole service today, may."""

    code = "cost_cap_reached"
    title = "No more may be spent on Claude"


class Unavailable(CopyThatError):
    """Database, broker or storage is away; what was asked may be asked again."""

    code = "unavailable"
    title = "The service is not available at the moment"


class StorageFull(Unavailable):
    """The disk under the blob store is full."""

    code = "storage_full"
    title = "The storage is full"


class Overloaded(Unavailable):
    """As many images wait as may, everybody's together."""

    code = "overloaded"
    title = "The service has too much to do at the moment"


class StartError(CopyThatError):
    """The service cannot start on this machine as it was told to."""

    code = "start_failed"
    title = "The service cannot start"
