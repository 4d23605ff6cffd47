"""The counting: rows of numbers, each written by one thread, so that nothing is locked per task."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Final, TypeAlias
from weakref import WeakMethod

from .layout import Key, Layout, Rows, add

log = logging.getLogger("alligator.plugins.prometheus")

Row: TypeAlias = "list[float] | memoryview[float]"
NewRow: TypeAlias = Callable[[Key], Row]

OTHER: Final = "other"
"""The label of what comes when there are as many series as there may be."""


class Tally:
    """What this process has counted."""

    def __init__(self, layout: Layout, max_series: int) -> None:
        self._layout = layout
        self._max_series = max_series
        self._opening = threading.Lock()
        self._begin()
        if hasattr(os, "register_at_fork"):
            # What was counted is the parent's; and its rows may be in a file, where two would overwrite each other.
            forget = WeakMethod(self._forget)
            os.register_at_fork(after_in_child=lambda: (method := forget()) and method())

    def rows(self) -> Rows:
        """Add up what all threads have counted so far."""
        found: Rows = {}
        with self._opening:
            rows = [(key, row) for key, rows in self._all.items() for row in rows]
        for key, row in rows:
            add(found, key, row)
        return found

    def move(self, new_row: NewRow | None) -> None:
        """Count where `new_row` says from now on, or in memory again, and take what was counted along.

        Of each other thread one increment may get lost meanwhile.
        """
        before = self.rows()
        with self._opening:
            self._begin(new_row)
            for key, numbers in before.items():
                row = self._made(key)
                for place, number in enumerate(numbers):
                    row[place] = number
                self._all[key], self._free[key] = [row], [row]

    def _forget(self) -> None:
        self._opening = threading.Lock()  # somebody else may have held the other one
        self._begin()

    def _begin(self, new_row: NewRow | None = None) -> None:
        self._new_row = new_row
        self.mine = threading.local()
        """In `rows`, those that the thread which asks has by now, by queue and task: nothing is found faster."""
        self._all: dict[Key, list[Row]] = {}
        self._free: dict[Key, list[Row]] = {}

    def open(self, queue: str, task: str) -> Row:
        """Return the row of this thread for the tasks of a name on a queue, which is among `mine` from then on.

        It is the row of what is `other`, if there are as many as there may be.
        """
        with self._opening:
            mine = self.mine
            if not hasattr(mine, "rows"):
                mine.rows, mine.lease = {}, Lease()
            if (queue, task) not in self._all and len(self._all) >= self._max_series:
                queue, task = OTHER, OTHER
            rows: dict[str, Row] = mine.rows.setdefault(queue, {})
            if task not in rows:
                rows[task] = self._leased((queue, task), mine.lease)
            return rows[task]

    def _leased(self, key: Key, lease: Lease) -> Row:
        free = self._free.setdefault(key, [])
        if free:
            row = free.pop()
        else:
            row = self._made(key)
            self._all.setdefault(key, []).append(row)
        lease.rows.append((free, row))
        return row

    def _made(self, key: Key) -> Row:
        if self._new_row is not None:
            try:
                return self._new_row(key)
            except OSError as exc:
                log.error("Others don't see what this process counts from now on: %s", exc)
                self._new_row = None
        return [0.0] * self._layout.width


class Lease:
    """The rows that a thread has, which others may go on with when it is gone."""

    def __init__(self) -> None:
        self.rows: list[tuple[list[Row], Row]] = []

    def __del__(self) -> None:
        for free, row in self.rows:
            free.append(row)
