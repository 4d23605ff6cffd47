"""The bounds of a policy, whatever its settings are."""

from __future__ import annotations

import math
from typing import Any

import pytest
from alligator_retry import RetryPolicy
from hypothesis import given
from hypothesis import strategies as st

from alligator import OptionError

seconds = st.floats(0, 1e9)
policies = st.builds(
    RetryPolicy,
    backoff=st.sampled_from(["exponential", "linear", "constant", "none"]),
    base=seconds,
    factor=st.floats(1, 1e6),
    max_delay=seconds,
    jitter=st.booleans(),
)
attempts = st.integers(1, 10**6)


@given(policies, attempts, seconds)
def test_a_delay_is_within_its_bounds(policy: RetryPolicy, attempt: int, at_most: float) -> None:
    assert 0 <= policy.delay(attempt, at_most) <= min(policy.longest_delay(attempt), at_most) <= policy.max_delay


@given(policies, attempts)
def test_the_longest_delay_never_shrinks(policy: RetryPolicy, attempt: int) -> None:
    assert policy.longest_delay(attempt) <= policy.longest_delay(attempt + 1)


@given(policies, attempts)
def test_without_jitter_a_delay_is_the_longest_one(policy: RetryPolicy, attempt: int) -> None:
    if not policy.jitter:
        assert policy.delay(attempt) == policy.longest_delay(attempt)


def test_the_jitter_covers_the_whole_range_evenly() -> None:
    policy = RetryPolicy(base=10.0)
    tenths = [int(policy.delay(1)) for _ in range(5000)]
    # 500 each on average; 300 would be nine standard deviations off.
    assert {tenth for tenth in range(10) if 300 < tenths.count(tenth) < 700} == set(range(10))


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        ("exponential", [2, 6, 18, 54, 100]),
        ("linear", [2, 4, 6, 8, 10]),
        ("constant", [2, 2, 2, 2, 2]),
        ("none", [0, 0, 0, 0, 0]),
    ],
)
def test_each_backoff_grows_as_its_name_says(backoff: str, expected: list[float]) -> None:
    policy = RetryPolicy(backoff=backoff, base=2, factor=3, max_delay=100)
    assert [policy.longest_delay(attempt) for attempt in range(1, 6)] == expected


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"backoff": "fibonacci"}, "backoff='fibonacci': it must be one of exponential, linear, constant, none"),
        ({"base": -1}, "base=-1: it must be a number, 0 or more"),
        ({"factor": 0.5}, "factor=0.5: it must be a number, 1 or more"),
        ({"max_delay": math.inf}, "max_delay=inf"),
        ({"max_age": math.nan}, "max_age=nan"),
        ({"retries": 1.5}, "retries=1.5: it must be a whole number"),
        ({"retry_on": "TimeoutEror"}, "retry_on='TimeoutEror': it must be an exception class, or the name of one"),
        ({"give_up_on": [int]}, "give_up_on=<class 'int'>"),
        ({"give_up_on": "print"}, "give_up_on='print'"),
    ],
)
def test_a_setting_that_can_not_be_is_an_error_that_names_it(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(OptionError, match=problem):
        RetryPolicy(**settings)
