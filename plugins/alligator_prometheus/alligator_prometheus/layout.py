"""What is counted about the tasks of one queue and name, and at which place of a row of numbers it stands."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from alligator_core.errors import OptionError

Key: TypeAlias = "tuple[str, str]"
"""A queue and the name of a task."""
Rows: TypeAlias = "dict[Key, list[float]]"

OUTCOMES: Final = ("success", "retry", "defer", "discard", "dead", "expired", "cancelled")
ENQUEUED: Final = 0
STARTED: Final = 1
FINISHED: Final = {outcome: place for place, outcome in enumerate(OUTCOMES, start=2)}
WAIT: Final = 2 + len(OUTCOMES)
"""The seconds waited, all together; then how many waited up to each bound, and how many longer than the last."""

BUCKETS: Final = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class Layout:
    """The places of a row, for histograms with some bounds."""

    def __init__(self, buckets: Sequence[float]) -> None:
        """Lay them out. Raises OptionError for bounds that are none."""
        self.bounds = [float(bound) for bound in buckets]
        if not self.bounds or sorted(set(self.bounds)) != self.bounds or not all(map(math.isfinite, self.bounds)):
            raise OptionError(f"buckets={buckets!r}: name some bounds in seconds, from the least to the largest.")
        self.run = WAIT + len(self.bounds) + 2
        self.width = self.run + len(self.bounds) + 2

    def cumulated(self, row: Sequence[float], place: int) -> Iterator[tuple[str, float]]:
        """Yield the bounds of the histogram that begins at a place, and how many observations were up to each."""
        so_far = 0.0
        for bound, number in zip([*map(str, self.bounds), "+Inf"], row[place + 1 :], strict=False):
            so_far += number
            yield bound, so_far


def add(rows: Rows, key: Key, numbers: Sequence[float]) -> None:
    """Add a row to the one of its key."""
    known = rows.get(key)
    rows[key] = list(numbers) if known is None else [a + b for a, b in zip(known, numbers, strict=True)]
