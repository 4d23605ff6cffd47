"""The plugin: what it answers when a task has failed."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from alligator_core import Bury, Retry, hookimpl
from alligator_core.backend import DELAY
from alligator_core.errors import OptionError
from alligator_core.plugin_options import OptionReader
from alligator_core.task import Task

from .policy import RetryPolicy
from .retry_after import retry_after
from .task_options import READERS, policy_for


@dataclass(frozen=True, eq=False, kw_only=True)
class Retries(RetryPolicy):
    """The plugin: `Gator(…, plugins=[Retries(max_delay=60)])`. Its own settings are the policy of most functions."""

    policies: Mapping[str, RetryPolicy] = field(default_factory=dict)
    """Those of others, by patterns of `module:function` such as `shop.mail:*`. The first that fits counts, alone."""

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        for pattern, policy in self.policies.items():
            if not isinstance(pattern, str) or not isinstance(policy, RetryPolicy):
                raise OptionError(f"policies={{{pattern!r}: {policy!r}}}: it must map text to RetryPolicy.", "policies")

    @hookimpl
    def declare_options(self) -> Mapping[str, OptionReader]:
        """Accept `gator.options(backoff=…, backoff_base=…, …)`."""
        return READERS

    @hookimpl(trylast=True)
    def on_failure(self, task: Task, error: BaseException) -> Retry | Bury | None:
        """Decide about a failed task, unless another plugin has: this one always has an opinion."""
        if not self._is_in_charge(task):
            return None
        policy = policy_for(task, self.policy_of(task.name))
        if not task.retries and policy.retries:
            # So that the reason of a dead letter counts right.
            task.options = replace(task.options, retries=policy.retries)
        if task.attempt > task.retries:
            return Bury()
        if refusal := policy.refusal(error):
            return _given_up(error, refusal)
        return _again(task, error, policy)

    def _is_in_charge(self, task: Task) -> bool:
        # The app's own, that it registered beside the installed one, say.
        plugins = [] if task.gator is None else [plugin for _, plugin in task.gator.plugins.list_name_plugin()]
        return next((each for each in reversed(plugins) if isinstance(each, Retries)), self) is self

    def policy_of(self, name: str) -> RetryPolicy:
        """Return the policy for a function, `module:function`."""
        return next((policy for pattern, policy in self.policies.items() if fnmatchcase(name, pattern)), self)


def _again(task: Task, error: BaseException, policy: RetryPolicy) -> Retry | Bury:
    left = _time_left(task, policy.max_age)
    asked = retry_after(error)
    if asked is not None:
        asked = min(asked, policy.max_delay)
    if left < (asked or 0.0):
        return _given_up(error, f"that would be later than max_age={policy.max_age:g} s after it was enqueued")
    at_most = min(left, _possible_delay(task))
    return Retry(policy.delay(task.attempt, at_most) if asked is None else min(asked, at_most))


def _given_up(error: BaseException, why: str) -> Bury:
    # Not with the error's own text: that is in the traceback below, and is code of the app's.
    return Bury(f"{type(error).__name__} is not retried: {why}")


def _time_left(task: Task, max_age: float | None) -> float:
    return math.inf if max_age is None or not task.enqueued_at else task.enqueued_at + max_age - time.time()


def _possible_delay(task: Task) -> float:
    # Where there are no delays at all, the core says so in the log.
    if task.gator is None or DELAY not in task.gator.backend.features:
        return math.inf
    return task.gator.backend.limits.max_delay
