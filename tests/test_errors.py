"""Errors carry a stable code, and survive the way out of a child process."""

import pickle

import pytest

from headgate.errors import HeadgateError, JobFault, UserFault


@pytest.mark.parametrize(
    "fault",
    [
        UserFault("NOT_FOUND", "There is no such file.", ("input", "fileId"), retryable=True),
        JobFault("LIMIT_PASSED", "Too many rows.", "DATA", retryable=True, details={"limit": 5}),
    ],
)
def test_a_fault_keeps_everything_when_pickled(fault: HeadgateError) -> None:
    copy = pickle.loads(pickle.dumps(fault))
    assert type(copy) is type(fault)
    assert vars(copy) == vars(fault)
    assert str(copy) == str(fault) == f"{fault.code}: {fault.message}"


def test_a_fault_is_final_unless_told() -> None:
    assert not UserFault("NOT_FOUND", "There is no such file.").retryable
    assert not JobFault("BROKEN", "It broke.", "SYSTEM").retryable
