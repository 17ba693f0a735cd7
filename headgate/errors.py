"""The error tree: stable codes, never an HTTP status.

HeadgateError
├── UserFault        what a caller did wrong; answered as a value
├── JobFault         why a whole job failed; stored with the job
├── Unavailable      what Headgate stands on can't be used now: its database, its store of files
└── Unauthenticated  who asks has not shown who they are
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

FailureCategory = Literal["DATA", "CONFIG", "SYSTEM", "DEPENDENCY"]


class HeadgateError(Exception):
    """What Headgate says went wrong, in words that may be shown to whoever asked.

    `code` is upper-case and never changes its meaning; `retryable` says whether the same
    request may succeed later. Every argument stays in `args`, so that an error survives the
    way out of a child process.
    """

    code: str
    message: str
    retryable: bool = False

    def __init__(self, code: str, message: str, *rest: object) -> None:
        super().__init__(code, message, *rest)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class Unavailable(HeadgateError):
    """What Headgate stands on cannot be used now. Why is in the log alone: that may name hosts, keys and paths.

    `reason` says it where no line of the log has done so yet.
    """

    retryable = True
    reason: str | None = None


class UserFault(HeadgateError):
    """What a caller did wrong; `path` leads to the faulty value of the input.

    `others` are further faults of the same request, which were found with this one.
    """

    def __init__(
        self,
        code: str,
        message: str,
        path: tuple[str, ...] = (),
        retryable: bool = False,
        others: Sequence["UserFault"] = (),
    ) -> None:
        super().__init__(code, message, path, retryable, others)
        self.path = path
        self.retryable = retryable
        self.others = others

    @property
    def all(self) -> Sequence["UserFault"]:
        """This fault and the others."""
        return [self, *self.others]


class JobFault(HeadgateError):
    """Why a whole job failed; `details` is JSON that a program can read.

    `step` names the part of the spec in which it failed, such as `steps.2.derive`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        category: FailureCategory,
        retryable: bool = False,
        details: Mapping[str, Any] | None = None,
        step: str | None = None,
    ) -> None:
        super().__init__(code, message, category, retryable, details, step)
        self.category = category
        self.retryable = retryable
        self.details = details
        self.step = step

    def to_json(self) -> dict[str, Any]:
        """Say it as it is stored with a job: code, category, message, retryable, details, step."""
        return {
            "code": self.code,
            "category": self.category,
            "message": self.message,
            "retryable": self.retryable,
            "details": dict(self.details) if self.details is not None else None,
            "step": self.step,
        }


class Unauthenticated(HeadgateError):
    """Who asks has not shown who they are, or no longer may enter."""

    def __init__(
        self,
        code: str = "UNAUTHENTICATED",
        message: str = "Send a valid token: Authorization: Bearer <token>.",
    ) -> None:
        super().__init__(code, message)


def reason_of(error: BaseException) -> str:
    """The first line of why something failed, for whoever runs Headgate; what follows may hold whole statements."""
    if isinstance(error, Unavailable) and error.reason is not None:
        return error.reason
    first, *_ = str(error).splitlines() or [""]
    return first or type(error).__name__
