"""A policy: how often a failed task is run again, how late, and after which errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import SystemRandom
from typing import Final, TypeAlias

from alligator_core.errors import OptionError

from .errors import Kind, check_kinds, is_one_of

BACKOFFS: Final = ("exponential", "linear", "constant", "none")

Kinds: TypeAlias = "Kind | Sequence[Kind]"

# Not the module's own generator: an app that seeds that one would have all its workers retry at the same moments.
_random = SystemRandom()


@dataclass(frozen=True, eq=False, kw_only=True)
class RetryPolicy:
    """How tasks are retried. Durations are seconds; raises OptionError for a value that can't be."""

    retries: int | None = None
    """How often a task that was given no `retries` is run again; None leaves it at none."""
    backoff: str = "exponential"
    """How delays grow: exponential, linear, constant or none."""
    base: float = 1.0
    """The longest delay after the first failure."""
    factor: float = 2.0
    """By what an exponential delay grows with each failure."""
    max_delay: float = 3600.0
    """The longest delay of all, also of those that an error asks for."""
    max_age: float | None = None
    """How long after it was enqueued a task is run again at the latest; None for no limit."""
    jitter: bool = True
    """Whether a delay is drawn at random between 0 and what it would be, so that tasks don't come back together."""
    retry_on: Kinds = ()
    """Exception classes, or their names, that are retried; all if there are none. Subclasses count."""
    give_up_on: Kinds = ()
    """Exception classes, or their names, that are not retried, whatever `retry_on` says. Subclasses count."""

    def __post_init__(self) -> None:
        """Check the values."""
        if self.backoff not in BACKOFFS:
            raise OptionError(f"backoff={self.backoff!r}: it must be one of {', '.join(BACKOFFS)}.", "backoff")
        if self.retries is not None and (not _is_count(self.retries)):
            raise OptionError(f"retries={self.retries!r}: it must be a whole number, 0 or more.", "retries")
        for name, value, lowest in (
            ("base", self.base, 0.0), ("factor", self.factor, 1.0), ("max_delay", self.max_delay, 0.0),
            ("max_age", 0.0 if self.max_age is None else self.max_age, 0.0),
        ):  # fmt: skip
            if not lowest <= value < math.inf:
                raise OptionError(f"{name}={value!r}: it must be a number, {lowest:g} or more.", name)
        check_kinds("retry_on", self.retry_on)
        check_kinds("give_up_on", self.give_up_on)

    def refusal(self, error: BaseException) -> str:
        """Say why an error is not retried; nothing if it is."""
        if is_one_of(error, self.give_up_on):
            return "give_up_on names it"
        if self.retry_on and not is_one_of(error, self.retry_on):
            return "retry_on doesn't name it"
        return ""

    def longest_delay(self, attempt: int) -> float:
        """Return the longest delay after a failed attempt, counted from 1."""
        try:
            step = self.base * self._growth(attempt)
        except OverflowError:
            return self.max_delay
        return min(step, self.max_delay)

    def delay(self, attempt: int, at_most: float = math.inf) -> float:
        """Return a delay after a failed attempt: up to the longest one, which it is without jitter."""
        longest = min(self.longest_delay(attempt), at_most)
        return _random.uniform(0.0, longest) if self.jitter else longest

    def _growth(self, attempt: int) -> float:
        if self.backoff == "exponential":
            return float(self.factor) ** (attempt - 1)
        return {"linear": float(attempt), "constant": 1.0, "none": 0.0}[self.backoff]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
