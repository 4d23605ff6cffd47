"""Time limits: the soft one interrupts a task, the hard one ends the process under it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .errors import TaskTimeout
from .hand import Hand
from .task import Task


class Limit(NamedTuple):
    """When a hand's task is to be interrupted, and when the process is to end: monotonic times, endless for never."""

    soft: float
    hard: float


NEVER = float("inf")


class Limits:
    """The limits of what runs. The hands say when they begin and end; the keeper looks at the clock."""

    def __init__(self) -> None:
        self._limits: dict[Hand, Limit] = {}

    def begin(self, hand: Hand, task: Task, now: float) -> float:
        """Note that a hand begins with a task now. Returns its hard limit as a monotonic time, 0 for none."""
        options = task.options
        soft, hard = options.timeout, options.hard_limit
        if soft is None and hard is None:
            return 0.0
        hand.owe()
        # A coroutine's soft limit is its event loop's business.
        soft_at = NEVER if soft is None or task.is_coroutine else now + soft
        self._limits[hand] = Limit(soft_at, NEVER if hard is None else now + hard)
        return 0.0 if hard is None else now + hard

    def end(self, hand: Hand) -> bool:
        """Note that a hand has ended; false if its task was settled already, because it came too late."""
        return self._limits.pop(hand, None) is None or hand.claim()

    def watch(self, now: float, overdue: Callable[[Hand], None]) -> None:
        """Interrupt what is beyond its soft limit, and call `overdue` for a hand that is beyond its hard one."""
        for hand, limit in list(self._limits.items()):
            if now >= limit.hard:
                if hand.claim():
                    overdue(hand)
            elif now >= limit.soft:
                hand.interrupt(TaskTimeout)
