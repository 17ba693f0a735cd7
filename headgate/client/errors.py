"""What can go wrong, drawn once.

HeadgateError
├── Refused              the server has read the request and said no: `code`, `message`, `path`
│   ├── Unauthenticated      there is no valid token
│   ├── Forbidden            the token's role does not allow it
│   ├── NotFound             there is no such job, file, dataset or pipeline
│   └── RateLimited          too much was asked, for longer than the client waits
├── Unreachable          there was no answer for as long as the client tries
├── TimedOut             a job has not ended in the time given
└── JobFailed            a job has ended as FAILED or CANCELED; raised by `Job.raise_for_failure` alone
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgate.client.models import Job


UNSURE = "DATABASE_UNAVAILABLE"
"""The code of a refusal that doesn't tell whether something was done: the database may have gone in the commit."""


class HeadgateError(Exception):
    """What the client raises; its text can be shown to people."""

    retryable = False
    """Whether the same request may succeed later."""
    may_have_run = False
    """Whether the server may have done what it was asked nevertheless."""
    retry_after_s: float | None = None
    """After how many seconds it is worth another try, where the server says so."""


class Refused(HeadgateError):
    """The server has read the request and said no.

    `code` is upper-case and stable, such as INVALID_ARGUMENT; `path` leads to the faulty value of the input, and is
    empty where no single one is at fault. `others` are further faults of the same request, and `request_id` finds the
    request in the server's log.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        path: Sequence[str] = (),
        retryable: bool = False,
        request_id: str | None = None,
        others: Sequence["Refused"] = (),
    ) -> None:
        super().__init__("; ".join([f"{code}: {message}", *map(str, others)]))
        self.code = code
        self.message = message
        self.path = tuple(path)
        self.retryable = retryable
        self.may_have_run = code == UNSURE
        self.request_id = request_id
        self.others = tuple(others)

    @staticmethod
    def of(errors: Sequence[Mapping[str, Any]]) -> "Refused":
        """Make it of the errors of a response, or of a payload."""
        first, *others = [_refused(error) for error in errors]
        first.others = tuple(others)
        first.args = ("; ".join(map(str, (first, *others))),)
        return first


class Unauthenticated(Refused):
    """There is no valid token."""


class Forbidden(Refused):
    """The token's role does not allow it."""


class NotFound(Refused):
    """There is no such job, file, dataset or pipeline."""


class RateLimited(Refused):
    """Too much was asked, for longer than the client waits."""


class Unreachable(HeadgateError):
    """There was no answer for as long as the client tries, or none that a Headgate server gives."""

    def __init__(self, message: str, *, retryable: bool = True, may_have_run: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.may_have_run = may_have_run


class TimedOut(HeadgateError):
    """A job has not ended in the time given; it goes on. `job` is what was known of it last."""

    def __init__(self, job: "Job", timeout_s: float) -> None:
        super().__init__(f"Job {job.id} has not ended within {timeout_s:g} seconds: it is {job.status}.")
        self.job = job


class JobFailed(HeadgateError):
    """A job has ended as FAILED or CANCELED, and `job.failure` says why."""

    def __init__(self, job: "Job") -> None:
        why = f"{job.failure.code}: {job.failure.message}" if job.failure else "nobody said why"
        super().__init__(f"Job {job.id} has ended as {job.status}. {why}")
        self.job = job


KINDS: Mapping[str, type[Refused]] = {
    "UNAUTHENTICATED": Unauthenticated,
    "FORBIDDEN": Forbidden,
    "NOT_FOUND": NotFound,
    "RATE_LIMITED": RateLimited,
}


def _refused(error: Mapping[str, Any]) -> Refused:
    """Make it of one error: of a payload, or of a response with `extensions`."""
    told = error.get("extensions") or error
    code = told.get("code", "UNKNOWN")
    return KINDS.get(code, Refused)(
        code,
        error["message"],
        path=[str(each) for each in error.get("path") or ()],
        retryable=bool(told.get("retryable")),
        request_id=told.get("requestId"),
    )
