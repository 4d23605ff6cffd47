"""The plugin in workers of each mode, and in process."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

import pytest
from alligator_retry import Retries, RetryPolicy
from hypothesis import given, settings
from hypothesis import strategies as st

from alligator import Bury, Discard, Gator, OptionError, Outcome, Retry, Task, Worker, hookimpl
from alligator_core.backend import Limits

from . import jobs


class Hearing:
    """Hears how each run ended."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    @hookimpl
    def after_task(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    @property
    def kinds(self) -> list[str]:
        return [outcome.kind for outcome in self.outcomes]

    @property
    def delays(self) -> list[float]:
        return [outcome.delay for outcome in self.outcomes if outcome.kind == "retry"]


def gator_with(*plugins: object) -> tuple[Gator, Hearing]:
    hearing = Hearing()
    return Gator("locmem://", plugins=[*plugins, hearing]), hearing


def drain(gator: Gator, **options: Any) -> None:
    Worker(gator, burst=True, max_tasks=500, **options).run_forever()


def failed(retries: int = 5, **task: Any) -> Task:
    """A task as the hook sees it."""
    made = Task("1", retries)
    made.name = "tests.retry.jobs:fail"
    made.enqueued_at = time.time()
    for name, value in task.items():
        setattr(made, name, value)
    return made


AT_ONCE = Retries(backoff="none")


@pytest.mark.parametrize("options", [{}, {"threads": 3}, {"async_limit": 2}])
@pytest.mark.parametrize("function", [jobs.fail, jobs.fail_soon])
def test_a_task_is_run_as_often_as_it_asks_in_every_mode(function: Any, options: dict[str, Any]) -> None:
    gator, hearing = gator_with(AT_ONCE)
    gator.options(retries=3).task(function)
    drain(gator, **options)
    assert hearing.kinds == ["retry", "retry", "retry", "dead"]
    assert len(jobs.ran) == 4
    assert "ValueError: no (attempt 4 of 4)" in gator.dead()[0].reason


def test_a_task_is_run_as_often_as_it_asks_in_process_and_no_delay_is_waited_for() -> None:
    gator, hearing = gator_with(Retries(base=3600, jitter=False))
    with pytest.raises(ValueError, match="no"):
        gator.options(retries=2, is_async=False).task(jobs.fail)
    assert hearing.kinds == ["retry", "retry", "dead"]
    assert hearing.delays == [3600, 3600]


def test_a_retried_task_waits_for_its_delay() -> None:
    gator, _ = gator_with(Retries(base=1800, jitter=False))
    task = gator.options(retries=1).task(jobs.fail)
    drain(gator)
    entry = gator.peek(task.task_id)
    assert entry
    assert entry.state == "delayed"
    assert 1790 < entry.ready_in <= 1800


def test_the_installed_plugin_leaves_a_task_without_retries_at_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLIGATOR_PLUGINS", "retry")
    gator = Gator("locmem://")
    gator.task(jobs.fail)
    drain(gator)
    assert (len(jobs.ran), gator.size().dead) == (1, 1)


def test_the_installed_plugin_retries_with_growing_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLIGATOR_PLUGINS", "retry")
    hearing = Hearing()
    gator = Gator("locmem://")
    gator.plugins.register(hearing)
    with pytest.raises(ValueError, match="no"):
        gator.options(retries=30, is_async=False).task(jobs.fail)
    assert all(delay <= min(2**number, 3600) for number, delay in enumerate(hearing.delays))
    assert max(hearing.delays) > 60


@settings(max_examples=50)
@given(
    asked=st.integers(0, 12),
    policy=st.none() | st.integers(0, 12),
    backoff=st.sampled_from(["exponential", "linear", "constant", "none"]),
    retry_after=st.none() | st.floats(0, 1e9),
)
def test_a_task_is_never_tried_more_often_than_asked(
    asked: int, policy: int | None, backoff: str, retry_after: float | None
) -> None:
    gator, hearing = gator_with(Retries(retries=policy, backoff=backoff))
    with pytest.raises(jobs.Temporary):
        gator.options(retries=asked, is_async=False).task(jobs.fail_with, "temporary", retry_after)
    assert len(hearing.outcomes) == 1 + (asked or policy or 0)
    assert all(0 <= delay <= 3600 for delay in hearing.delays)


def test_a_policy_may_say_how_often_for_functions_that_were_given_nothing() -> None:
    gator, _ = gator_with(Retries(backoff="none", policies={"tests.retry.*": RetryPolicy(retries=2, backoff="none")}))
    gator.task(jobs.fail)
    drain(gator)
    assert len(jobs.ran) == 3
    assert "(attempt 3 of 3)" in gator.dead()[0].reason


def test_the_first_pattern_that_fits_counts_and_the_plugins_own_settings_for_the_rest() -> None:
    mail, all_of_shop = RetryPolicy(base=5), RetryPolicy(base=7)
    plugin = Retries(base=1, policies={"shop.mail:*": mail, "shop.*": all_of_shop, "shop.mail:send": RetryPolicy()})
    assert plugin.policy_of("shop.mail:send") is mail
    assert plugin.policy_of("shop.orders:ship") is all_of_shop
    assert plugin.policy_of("bank:pay") is plugin


def test_errors_that_are_not_to_be_retried_go_to_the_dead_letters_with_the_reason() -> None:
    gator, _ = gator_with(Retries(backoff="none", retry_on=jobs.Temporary, give_up_on="tests.retry.jobs.Final"))
    gator.options(retries=1, task_id="a").task(jobs.fail_with, "temporary")
    gator.options(retries=1, task_id="b").task(jobs.fail_with, "final")
    gator.options(retries=1, task_id="c").task(jobs.fail)
    drain(gator)
    reasons = {letter.id: letter.reason.partition("\n")[0] for letter in gator.dead()}
    assert reasons == {
        "a": "tests.retry.jobs.VeryTemporary: temporary (attempt 2 of 2)",
        "b": "Final is not retried: give_up_on names it (attempt 1 of 2)",
        "c": "ValueError is not retried: retry_on doesn't name it (attempt 1 of 2)",
    }


def decided(plugin: Retries, task: Task, error: BaseException | None = None) -> Retry | Bury | None:
    return plugin.on_failure(task, error or ValueError("no"))


def delay_of(decision: object) -> float:
    assert isinstance(decision, Retry)
    return decision.delay


def test_what_an_error_asks_for_replaces_the_backoff_up_to_max_delay() -> None:
    error = jobs.Temporary()
    error.retry_after = 20
    assert delay_of(decided(Retries(base=1), failed(), error)) == 20
    assert delay_of(decided(Retries(base=1, max_delay=15), failed(), error)) == 15


def test_an_aged_task_is_retried_until_its_age_is_over_and_not_after_that() -> None:
    plugin = Retries(base=1000, jitter=False, max_age=100)
    assert 0 < delay_of(decided(plugin, failed(enqueued_at=time.time() - 95))) <= 5
    old = decided(plugin, failed(enqueued_at=time.time() - 101))
    assert isinstance(old, Bury)
    assert old.reason == ("ValueError is not retried: that would be later than max_age=100 s after it was enqueued")


def test_an_error_that_asks_for_more_time_than_is_left_ends_it() -> None:
    error = jobs.Temporary()
    error.retry_after = 20
    assert isinstance(decided(Retries(max_age=10), failed(), error), Bury)


@given(base=st.floats(0, 1e6), longest=st.floats(0, 1e6), attempt=st.integers(1, 50), asked=st.none() | st.floats(0))
def test_no_delay_is_longer_than_the_backend_holds(
    base: float, longest: float, attempt: int, asked: float | None
) -> None:
    gator = Gator("locmem://", plugins=[])
    gator.backend.limits = Limits(max_delay=longest)
    error = jobs.Temporary()
    error.retry_after = asked
    delay = delay_of(decided(Retries(base=base, jitter=False), failed(50, attempt=attempt, gator=gator), error))
    assert 0 <= delay <= min(longest, 3600)


def test_a_single_call_may_have_its_own_policy() -> None:
    gator, hearing = gator_with(Retries(jitter=False))
    with pytest.raises(ValueError, match="no"):
        gator.options(
            retries=5, is_async=False, backoff="exponential", backoff_base=timedelta(seconds=10), backoff_factor=3,
            retry_max_delay=100, retry_max_age=3600,
        ).task(jobs.fail)  # fmt: skip
    assert hearing.delays == [10, 30, 90, 100, 100]


def test_the_options_of_a_call_travel_to_the_worker() -> None:
    gator, hearing = gator_with(Retries(jitter=False))
    with gator.options(retries=2, backoff="constant", backoff_base=0) as options:
        options.map(jobs.fail, ["a", "b"])
    drain(gator)
    assert hearing.delays == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"backoff": "exponental"}, "backoff='exponental': it must be one of exponential, linear"),
        ({"backoff_base": "long"}, "backoff_base='long': it must be a number, 0 or more"),
        ({"backoff_factor": 0.5}, "backoff_factor=0.5: it must be a number, 1 or more"),
        ({"retry_max_age": float("nan")}, "retry_max_age=nan"),
        ({"backof": "linear"}, "no option 'backof'. Did you mean 'backoff'?"),
    ],
)
def test_a_bad_option_is_refused_at_the_call(options: dict[str, Any], problem: str) -> None:
    gator, _ = gator_with(Retries())
    with pytest.raises(OptionError) as caught:
        gator.options(**options)
    assert problem in str(caught.value)


def test_bad_options_in_a_message_are_logged_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    task = failed(headers={"option.backoff": "sideways", "option.retry_max_delay": "x"})
    with caplog.at_level(logging.WARNING):
        assert delay_of(decided(Retries(base=5, jitter=False), task)) == 5
    assert "are ignored, its message has bad ones" in caplog.text


def test_a_hook_of_the_apps_own_is_asked_first_however_it_was_registered() -> None:
    class Deciding:
        @hookimpl
        def on_failure(self) -> Discard:
            return Discard()

    gator, hearing = gator_with(Deciding(), AT_ONCE)
    gator.options(retries=3).task(jobs.fail)
    drain(gator)
    assert hearing.kinds == ["discard"]


def test_of_two_that_are_registered_the_later_one_decides() -> None:
    gator, hearing = gator_with(Retries(base=60))
    gator.plugins.register(AT_ONCE)
    gator.options(retries=1, backoff_factor=3).task(jobs.fail)
    drain(gator)
    assert hearing.kinds == ["retry", "dead"]


def test_policies_that_are_none_are_refused() -> None:
    with pytest.raises(OptionError, match=r"policies=.*it must map text to RetryPolicy"):
        Retries(policies={"shop.*": 3})  # type: ignore[dict-item]
