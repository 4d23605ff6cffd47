"""What may become of a task other than plain success: returned from `on_failure`, or raised by hooks and tasks."""

from __future__ import annotations

import math


class Decision(Exception):
    """The root of the decisions below. They are exceptions so that hooks and task functions can raise them."""


class Retry(Decision):
    """Run the task again, `delay` seconds from now.

    Returned from `on_failure` it is final; raised by a task's function it counts against the task's `retries`.
    """

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = _checked(delay)
        super().__init__(f"retry in {delay:g} s")


class Defer(Decision):
    """Not now: put the task back unchanged, ready again after `delay` seconds. Counts as no attempt."""

    def __init__(self, delay: float) -> None:
        self.delay = _checked(delay)
        super().__init__(f"deferred by {delay:g} s")


class Discard(Decision):
    """Drop the task for good, without a dead letter."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        super().__init__(reason or "discarded")


class Bury(Decision):
    """Move the task to the dead letters now, whatever retries are left."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        super().__init__(reason or "buried")


class SkipTask(Decision):
    """Raised in `before_enqueue`: don't enqueue this task. The caller gets it back with the status `canceled`."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        super().__init__(reason or "skipped")


def _checked(delay: float) -> float:
    # A message that is delayed for ever, or by no number, would be lost on some backends.
    if not 0 <= delay < math.inf:
        raise ValueError(f"delay={delay!r}: it must be seconds, 0 or more.")
    return delay
