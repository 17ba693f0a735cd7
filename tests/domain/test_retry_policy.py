"""A job that failed is tried again where that is worth it, after a delay that grows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.domain.retry_policy import MAX_CRASHES, RetryPolicy
from headgate.errors import FailureCategory, JobFault

POLICIES = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 100),
    initial_delay_s=st.floats(0, 86_400),
    factor=st.floats(1, 100),
    max_delay_s=st.floats(0, 86_400),
)


def longest_s(policy: RetryPolicy, failures: int) -> float:
    delay_s = policy.initial_delay_s
    for _ in range(failures - 1):
        delay_s = min(delay_s * policy.factor, policy.max_delay_s)
    return min(delay_s, policy.max_delay_s)


@given(policy=POLICIES, failures=st.integers(1, 100))
def test_a_delay_is_half_to_all_of_what_the_policy_says_and_no_longer_than_its_maximum(
    policy: RetryPolicy, failures: int
) -> None:
    expected_s = longest_s(policy, failures)
    delay_s = policy.delay(failures).total_seconds()
    assert expected_s * 0.5 * (1 - 1e-9) - 1e-6 <= delay_s <= expected_s * (1 + 1e-9) + 1e-6


def test_delays_double_up_to_five_minutes_unless_told_otherwise() -> None:
    policy = RetryPolicy()
    assert [longest_s(policy, failures) for failures in (1, 2, 3, 4, 9, 10)] == [1, 2, 4, 8, 256, 300]


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    delays_s = {RetryPolicy(initial_delay_s=100).delay(1).total_seconds() for _ in range(50)}
    assert len(delays_s) > 40
    assert max(delays_s) - min(delays_s) > 10


@pytest.mark.parametrize(
    ("category", "retryable", "is_tried_again"),
    [
        ("SYSTEM", True, True),
        ("DEPENDENCY", True, True),
        ("SYSTEM", False, False),
        ("DEPENDENCY", False, False),
        ("DATA", True, False),
        ("CONFIG", True, False),
    ],
)
def test_only_failures_that_may_pass_are_worth_another_attempt(
    category: FailureCategory, retryable: bool, is_tried_again: bool
) -> None:
    fault = JobFault("X", "x", category, retryable)
    assert RetryPolicy().allows(fault, failures=1, crashes=0) is is_tried_again


def test_attempts_and_crashes_are_limited() -> None:
    fault = JobFault("X", "x", "SYSTEM", retryable=True)
    policy = RetryPolicy(max_attempts=10)
    assert policy.allows(fault, failures=9, crashes=MAX_CRASHES - 1)
    assert not policy.allows(fault, failures=10, crashes=0)
    assert not policy.allows(fault, failures=3, crashes=MAX_CRASHES)
    assert not RetryPolicy(max_attempts=1).allows(fault, failures=1, crashes=0)


@given(policy=POLICIES)
def test_a_policy_stands_in_a_spec_as_it_was_given(policy: RetryPolicy) -> None:
    assert RetryPolicy.of({"retry": policy.to_json()}) == policy
    assert RetryPolicy.of({}) == RetryPolicy()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("maxAttempts", [0, 101, 1.5]),
        ("initialDelaySeconds", [-0.1, 86_401.0, float("nan")]),
        ("factor", [0.9, 101.0, float("inf")]),
        ("maxDelaySeconds", [-1.0, float("nan")]),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ValidationError, match=name):
            RetryPolicy.of({"retry": {name: value}})


def test_the_policy_of_a_job_of_an_earlier_version_is_read_too() -> None:
    kept = {"max_attempts": 5, "initial_delay_s": 2.0, "factor": 3.0, "max_delay_s": 60.0}
    said = {"maxAttempts": 5, "initialDelaySeconds": 2, "factor": 3, "maxDelaySeconds": 60}
    assert RetryPolicy.of({"retry": kept}) == RetryPolicy.of({"retry": said})
