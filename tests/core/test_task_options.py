from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from alligator import ConfigurationError, MultipleDelayError, OptionError
from alligator_core.task_options import DEFAULTS, TaskOptions, read_is_async

from . import jobs

NOON = datetime(2030, 1, 2, 12, tzinfo=timezone.utc)


def test_without_options_a_task_runs_once_at_once_elsewhere() -> None:
    assert TaskOptions.checked() == DEFAULTS
    assert (DEFAULTS.retries, DEFAULTS.is_async, DEFAULTS.delay, DEFAULTS.priority) == (0, True, 0.0, None)
    assert DEFAULTS.callbacks() == {}


@pytest.mark.parametrize("word", [False, "False", "false", "0", "no", "NO", "off", " off ", 0])
def test_these_words_of_an_environment_variable_are_false(word: object) -> None:
    assert read_is_async(word) is False


@pytest.mark.parametrize("word", [True, "True", "1", "yes", "on", 1])
def test_these_words_of_an_environment_variable_are_true(word: object) -> None:
    assert read_is_async(word) is True


@pytest.mark.parametrize("word", ["", "maybe", "2", None, "falsch", 0.5])
def test_a_word_that_is_not_known_is_an_error_not_a_guess(word: object) -> None:
    with pytest.raises(OptionError, match=r"is_async=.*: it must be a boolean, or yes, no, true, false"):
        read_is_async(word)


def test_the_older_name_async_means_is_async() -> None:
    assert TaskOptions.checked(**{"async": "no"}).is_async is False


def test_both_names_of_is_async_at_once_are_an_error() -> None:
    with pytest.raises(OptionError, match="async"):
        TaskOptions.checked(**{"async": "no", "is_async": True})


def test_an_unknown_option_is_an_error_that_suggests_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"A task has no option 'retry'. Did you mean 'retries'\?"):
        TaskOptions.checked(retry=3)
    with pytest.raises(
        OptionError, match=r"A task has no option 'x'. It has: delay_by, delay_until, expires, expires_at"
    ):
        TaskOptions.checked(x=3)


@pytest.mark.parametrize("value", [-1, 1.5, "3", True])
def test_retries_must_be_a_whole_number(value: object) -> None:
    with pytest.raises(OptionError, match=r"retries=.*: it must be a whole number") as caught:
        TaskOptions.checked(retries=value)
    assert caught.value.option == "retries"


@pytest.mark.parametrize("value", [-1, 10, 5.0, "high", True])
def test_a_priority_goes_from_0_to_9(value: object) -> None:
    with pytest.raises(OptionError, match=r"priority=.*: it must be a whole number from 0 to 9"):
        TaskOptions.checked(priority=value)
    assert TaskOptions.checked(priority=0).priority == 0


@pytest.mark.parametrize(
    ("value", "seconds"), [(0, 0.0), (5, 5.0), (2.5, 2.5), (timedelta(minutes=2, milliseconds=5), 120.005)]
)
def test_a_delay_is_seconds_or_a_timedelta(value: Any, seconds: float) -> None:
    options = TaskOptions.checked(delay_by=value)
    assert (options.delay_by, options.delay) == (seconds, seconds)


@pytest.mark.parametrize("value", [-1, -0.001, float("nan"), float("inf"), "5", True, timedelta(-1), 10**400])
def test_a_delay_that_is_none_is_an_error(value: object) -> None:
    with pytest.raises(OptionError, match=r"delay_by=.*: it must be seconds, 0 or more, or a timedelta"):
        TaskOptions.checked(delay_by=value)


@pytest.mark.parametrize(
    ("value", "epoch"),
    [
        (1893585600.5, 1893585600.5),
        (NOON, 1893585600.0),
        (NOON.astimezone(timezone(timedelta(hours=-7))), 1893585600.0),
        (datetime(2030, 1, 2, 12), 1893585600.0),  # noqa: DTZ001
        (date(2030, 1, 2), 1893542400.0),
        (0, 0.0),
    ],
)
def test_a_time_to_wait_for_is_epoch_seconds_a_datetime_or_a_date_and_utc_if_naive(value: Any, epoch: float) -> None:
    assert TaskOptions.checked(delay_until=value).delay_until == epoch


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "2030-01-02", True, timedelta(1), 10**400])
def test_a_time_to_wait_for_that_is_none_is_an_error(value: object) -> None:
    with pytest.raises(OptionError, match=r"delay_until=.*: it must be epoch seconds, a datetime or a date"):
        TaskOptions.checked(delay_until=value)


def test_the_delay_until_a_time_is_counted_from_now() -> None:
    assert 99 < TaskOptions.checked(delay_until=time.time() + 100).delay <= 100


@pytest.mark.parametrize("past", [0, date(2020, 1, 1), datetime(1960, 1, 1, tzinfo=timezone.utc)])
def test_a_time_in_the_past_means_at_once(past: Any) -> None:
    assert TaskOptions.checked(delay_until=past).delay == 0.0


def test_both_delays_at_once_are_an_error() -> None:
    with pytest.raises(MultipleDelayError, match="delay_by or delay_until, not both"):
        TaskOptions.checked(delay_by=1, delay_until=NOON)
    with pytest.raises(MultipleDelayError):
        TaskOptions.checked(delay_by=0, delay_until=0)


def test_none_means_not_given() -> None:
    assert TaskOptions.checked(delay_by=None, delay_until=5, retries=None, on_start=None).delay_until == 5.0


def test_depends_on_is_refused_by_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match="depends_on needs completion records, which don't exist yet"):
        TaskOptions.checked(depends_on=["other"])


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (jobs.started, jobs.started),
        ("shop.mail:sent", "shop.mail:sent"),
        ("shop.mail.sent", "shop.mail:sent"),
    ],
)
def test_a_callback_is_a_function_or_its_path(value: Any, kept: object) -> None:
    assert TaskOptions.checked(on_success=value).callbacks() == {"on_success": kept}


@pytest.mark.parametrize("value", ["sent", "", 5, [jobs.started]])
def test_a_callback_that_is_none_is_an_error(value: object) -> None:
    with pytest.raises(OptionError, match="is no callback: pass a function of a module, or its path"):
        TaskOptions.checked(on_error=value)


@pytest.mark.parametrize("name", ["timeout", "hard_timeout", "expires"])
@pytest.mark.parametrize("value", [5, 5.0, timedelta(seconds=5)])
def test_a_limit_is_seconds_or_a_timedelta(name: str, value: object) -> None:
    assert getattr(TaskOptions.checked(**{name: value}), name) == 5.0


@pytest.mark.parametrize("name", ["timeout", "hard_timeout", "expires"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "5", True, timedelta(0), 10**400, []])
def test_a_limit_that_is_none_is_an_error_that_names_it(name: str, value: object) -> None:
    with pytest.raises(OptionError, match=rf"{name}=.*: it must be seconds, more than 0") as caught:
        TaskOptions.checked(**{name: value})
    assert caught.value.option == name


def test_the_hard_limit_is_5_seconds_after_the_soft_one_unless_it_is_given() -> None:
    assert TaskOptions.checked(timeout=10).hard_limit == 15.0
    assert TaskOptions.checked(timeout=10, hard_timeout=10).hard_limit == 10.0
    assert TaskOptions.checked(hard_timeout=3).hard_limit == 3.0
    assert DEFAULTS.hard_limit is None


def test_a_hard_limit_below_the_soft_one_is_an_error() -> None:
    with pytest.raises(OptionError, match="hard_timeout=5 is below timeout=10") as caught:
        TaskOptions.checked(timeout=10, hard_timeout=5)
    assert caught.value.option == "hard_timeout"


@pytest.mark.parametrize("moment", [NOON, 1893585600, date(2030, 1, 2)])
def test_a_task_may_expire_at_a_moment(moment: Any) -> None:
    options = TaskOptions.checked(**{"expires_at" if isinstance(moment, int) else "expires": moment})
    assert options.expiry(0.0) in {1893585600.0, 1893542400.0}


def test_seconds_until_a_task_expires_count_from_when_it_was_enqueued() -> None:
    assert TaskOptions.checked(expires=60).expiry(1000.0) == 1060.0
    assert DEFAULTS.expiry(1000.0) is None


def test_two_expiries_at_once_are_an_error() -> None:
    with pytest.raises(OptionError, match="expires or expires_at, not both"):
        TaskOptions.checked(expires=60, expires_at=NOON)


@pytest.mark.parametrize("options", [{"delay_by": 60, "expires": 60}, {"delay_until": NOON, "expires": NOON}])
def test_what_expires_before_its_delay_is_over_is_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="it would never run"):
        TaskOptions.checked(**options)
