"""What was received and is not yet handed out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Lock
from typing import Final

from alligator_core.backend import Delivery

from .hold import Hold
from .names import Lane

FRESH: Final = 1


class Shelf:
    """The deliveries that one consumer holds, those among them that wait, and the FIFO groups that are at work."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.held: dict[Hold, Delivery] = {}
        """All that is held, handed out or not."""
        self._places = {lane: number for number, lane in enumerate(lanes)}
        self._waiting: list[Delivery] = []
        self._busy: dict[tuple[Lane, str], Hold] = {}
        self._lock = Lock()

    def put(self, deliveries: Sequence[Delivery]) -> None:
        """Keep what was received, until it is asked for."""
        with self._lock:
            for delivery in deliveries:
                self.held[_hold(delivery)] = delivery
                self._waiting.append(delivery)
            self._waiting.sort(key=lambda each: self._places.get(_hold(each).lane, 0))

    def take(self, limit: int) -> list[Delivery]:
        """Take what may be handed out together: one that somebody died under, or fresh ones, one of each FIFO group."""
        with self._lock:
            if not self._waiting:
                return []
            now = time.monotonic()
            chosen: list[Delivery] = []
            rest: list[Delivery] = []
            passed: set[tuple[Lane, str]] = set()
            for delivery in self._waiting:
                hold = _hold(delivery)
                if hold not in self.held or hold.until <= now:
                    self.held.pop(hold, None)
                    continue
                group = (hold.lane, hold.group) if hold.group else None
                if self._fits(delivery, chosen, limit, group, passed):
                    chosen.append(delivery)
                    if group:
                        self._busy[group] = hold
                else:
                    rest.append(delivery)
                if group:
                    passed.add(group)
            self._waiting = rest
            return chosen

    def settled(self, hold: Hold) -> None:
        """Let go of what is done, or lost."""
        with self._lock:
            self.held.pop(hold, None)
            group = (hold.lane, hold.group)
            if self._busy.get(group) is hold:
                del self._busy[group]

    def behind(self, hold: Hold) -> list[Hold]:
        """Take off what waits behind a message of a FIFO group that is to come again: it is to be given back."""
        with self._lock:
            behind = [
                found
                for each in self._waiting
                if (found := _hold(each)).group == hold.group and found.lane == hold.lane
            ]
            self._drop(behind)
            return behind

    def spare(self) -> list[Hold]:
        """Take off all that waits."""
        with self._lock:
            waiting = [_hold(each) for each in self._waiting]
            self._drop(waiting)
            return waiting

    def clear(self) -> list[Hold]:
        """Take off everything, handed out or not."""
        with self._lock:
            held = list(self.held)
            self.held.clear()
            self._waiting.clear()
            self._busy.clear()
            return held

    def blocks(self, lane: Lane, *, is_one_group: bool) -> bool:
        """Say whether it is of no use to ask a FIFO queue for more: what it has is behind what is here."""
        if not lane.is_fifo:
            return False
        with self._lock:
            return any(_hold(each).lane == lane for each in self._waiting) or (
                is_one_group and any(group[0] == lane and self._is_at_work(group) for group in self._busy)
            )

    def _is_at_work(self, group: tuple[Lane, str]) -> bool:
        hold = self._busy.get(group)
        return hold is not None and hold.until > time.monotonic()

    def _drop(self, holds: list[Hold]) -> None:
        for hold in holds:
            self.held.pop(hold, None)
        self._waiting = [each for each in self._waiting if _hold(each) in self.held]

    def _fits(
        self,
        delivery: Delivery,
        chosen: list[Delivery],
        limit: int,
        group: tuple[Lane, str] | None,
        passed: set[tuple[Lane, str]],
    ) -> bool:
        if len(chosen) >= limit or (group is not None and (group in passed or self._is_at_work(group))):
            return False
        if not chosen:
            return True
        return chosen[0].deliveries == FRESH == delivery.deliveries and chosen[0].queue == delivery.queue


def _hold(delivery: Delivery) -> Hold:
    assert isinstance(delivery.token, Hold)
    return delivery.token
