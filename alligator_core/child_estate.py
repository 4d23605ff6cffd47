"""The estate of a dead worker process: what it held, and what becomes of each message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from .backend import Ack, Bury, Consumer, Delivery, Release, Settlement
from .board import Board, key_of

NOTHING: Final[frozenset[bytes]] = frozenset()

Fail = Callable[[Delivery], Settlement]


class Death(NamedTuple):
    """How a worker process ended: `how` in words, and the keys of messages by what had become of them.

    `running` may have ended it and are blamed; it was killed for the `overdue` ones; those `done` were only not acked
    yet. Everything else it held had not started, or can't be blamed.
    """

    how: str
    running: frozenset[bytes] = NOTHING
    overdue: frozenset[bytes] = NOTHING
    done: frozenset[bytes] = NOTHING


def death_of(board: Board, how: str, *, killed_at: float = 0.0, told_to_stop: bool = False) -> Death:
    """Read from its board how a worker process ended.

    `killed_at` is the monotonic time when its supervisor killed it, 0 if it didn't. Then, and where the process had
    been told to stop, nothing that ran within its limit is blamed.
    """
    hands = board.running()
    overdue = frozenset(hand.key for hand in hands if 0 < hand.hard_deadline < killed_at)
    blamed = NOTHING if killed_at or told_to_stop else frozenset(hand.key for hand in hands)
    return Death(how, running=blamed, overdue=overdue, done=frozenset(board.unflushed()))


class Estate:
    """Takes over what a dead worker process held, and settles it."""

    def __init__(self, name: str, death: Death, max_deliveries: int, fail: Fail) -> None:
        """Prepare for it. `name` is the process's as a holder; `fail` settles a message that took too long."""
        self.name = name
        self._death = death
        self._max_deliveries = max_deliveries
        self._fail = fail
        self._settlements: list[Settlement] | None = None

    def settle(self, consumer: Consumer) -> list[Settlement]:
        """Do it, and return what was done. One that raised BackendError may be repeated, with the same consumer."""
        if self._settlements is None:
            # Once only: that a task failed is told to the hooks here.
            self._settlements = self._decided(consumer.take_over(self.name))
        if self._settlements:
            consumer.settle(self._settlements)
        return self._settlements

    def _decided(self, left: Sequence[Delivery]) -> list[Settlement]:
        same = Counter(key_of(delivery.id) for delivery in left)
        return [self._settlement(each, is_known=same[key_of(each.id)] == 1) for each in left]

    def _settlement(self, delivery: Delivery, *, is_known: bool) -> Settlement:
        key, death = key_of(delivery.id), self._death
        # With the same id on two queues nobody knows which it was: to ack the wrong one would lose it.
        if key in death.running or (key in death.overdue and not is_known):
            return self._after_death(delivery)
        if key in death.overdue:
            return self._fail(delivery)
        if key in death.done and is_known:
            return Ack(delivery)
        return Release(delivery)

    def _after_death(self, delivery: Delivery) -> Settlement:
        # Its worker has now died under it once more than the store knows.
        deaths = delivery.deliveries
        if deaths < self._max_deliveries:
            return Release(delivery, died=True)
        times = "once" if deaths == 1 else f"{deaths} times, the last time"
        return Bury(delivery, f"Its worker died under it {times} {self._death.how}.")
