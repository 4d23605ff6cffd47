"""The options of a task, checked once and shared by all tasks that are made under them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta, timezone
from functools import partial
from typing import Any, Final, TypeGuard

from .constants import HIGHEST_COUNT, HIGHEST_PRIORITY
from .dsn import yes_or_no
from .errors import ConfigurationError, MultipleDelayError, OptionError

HARD_AFTER_SOFT: Final = 5.0
"""Seconds that a task has to end by itself after TaskTimeout was raised in it, unless `hard_timeout` says."""

CALLBACKS: Final = ("on_start", "on_success", "on_error")


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """What `gator.options(…)` sets. Build it with `checked`."""

    retries: int = 0
    is_async: bool = True
    on_start: Callable[..., object] | str | None = None
    on_success: Callable[..., object] | str | None = None
    on_error: Callable[..., object] | str | None = None
    delay_by: float | None = None
    """Seconds from the push on."""
    delay_until: float | None = None
    """Epoch seconds."""
    priority: int | None = None
    timeout: float | None = None
    """Seconds after which TaskTimeout is raised in the task."""
    hard_timeout: float | None = None
    """Seconds after which the process ends under the task; 5 more than `timeout` where that alone is given."""
    expires: float | None = None
    """Seconds after it was enqueued from which on the task is not run any more."""
    expires_at: float | None = None
    """The same in epoch seconds."""

    @classmethod
    def checked(cls, *, depends_on: object = None, **given: Any) -> TaskOptions:
        """Check and normalize options. Raises OptionError for an unknown one or a bad value."""
        if "async" in given:  # the older name; a keyword of the language by now
            if "is_async" in given:
                raise OptionError("Give is_async or async, not both: they are one option.", "async")
            given["is_async"] = given.pop("async")
        known = {field.name for field in fields(cls)}
        for name in given:
            if name not in known:
                raise OptionError.unknown(name, known, owner="A task")
        if depends_on is not None:
            raise ConfigurationError(
                "depends_on needs completion records, which don't exist yet: enqueue the next task from the first."
            )
        if given.get("delay_by") is not None and given.get("delay_until") is not None:
            raise MultipleDelayError("Give delay_by or delay_until, not both.", "delay_by")
        if isinstance(given.get("expires"), date):
            given = {"expires_at": given["expires"], **{name: given[name] for name in given if name != "expires"}}
        options = cls(**{name: _READERS[name](value) for name, value in given.items() if value is not None})
        options._check_limits()
        return options

    @property
    def delay(self) -> float:
        """Seconds from now until the task may run; 0 for at once."""
        if self.delay_by is not None:
            return self.delay_by
        return 0.0 if self.delay_until is None else max(0.0, self.delay_until - time.time())

    @property
    def hard_limit(self) -> float | None:
        """Seconds that the task may run at most, None for no limit."""
        if self.hard_timeout is not None or self.timeout is None:
            return self.hard_timeout
        return self.timeout + HARD_AFTER_SOFT

    def expiry(self, enqueued_at: float) -> float | None:
        """Return from when on, in epoch seconds, a task that was enqueued then is not run any more."""
        return self.expires_at if self.expires is None else enqueued_at + self.expires

    def _check_limits(self) -> None:
        if self.timeout is not None and self.hard_timeout is not None and self.hard_timeout < self.timeout:
            raise OptionError(
                f"hard_timeout={self.hard_timeout:g} is below timeout={self.timeout:g}: the first ends the process, "
                "the second only the task.",
                "hard_timeout",
            )
        if self.expires is not None and self.expires_at is not None:
            raise OptionError("Give expires or expires_at, not both.", "expires")
        for delay, expiry in ((self.delay_by, self.expires), (self.delay_until, self.expires_at)):
            if delay is not None and expiry is not None and delay >= expiry:
                raise OptionError("It expires before its delay is over: it would never run.", "expires")

    def callbacks(self) -> dict[str, Callable[..., object] | str]:
        """Return those of `on_start`, `on_success` and `on_error` that are set."""
        return {name: value for name in CALLBACKS if (value := getattr(self, name)) is not None}


DEFAULTS: Final = TaskOptions()
"""The options of a task that was given none: one object, so that it can be told by identity."""


def checked_name(option: str, name: str) -> str:
    """Return the name that an option gives to a task or queue, if every backend can carry it. Raises OptionError."""
    if not isinstance(name, str) or not 0 < len(name) <= 200 or not name.isprintable():
        raise OptionError(f"{option}={name!r}: it must be 1 to 200 printable characters.", option)
    return name


def read_is_async(value: object) -> bool:
    """Read `is_async`, also from the words of an environment variable. Raises OptionError for one it doesn't know."""
    if isinstance(value, bool):
        return value
    try:
        return yes_or_no(str(value))
    except ValueError:
        raise OptionError(f"is_async={value!r}: it must be a boolean, or yes, no, true, false.", "is_async") from None


def _read_retries(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise OptionError(f"retries={value!r}: it must be a whole number, 0 or more.", "retries")
    if value > HIGHEST_COUNT:
        raise OptionError(f"retries={value}: 2**53 is the most that can be counted.", "retries")
    return value


def _read_priority(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= HIGHEST_PRIORITY:
        raise OptionError(f"priority={value!r}: it must be a whole number from 0 to {HIGHEST_PRIORITY}.", "priority")
    return value


def _read_delay_by(value: object) -> float:
    delay = value.total_seconds() if isinstance(value, timedelta) else value
    if not _is_number(delay) or delay < 0:
        raise OptionError(f"delay_by={value!r}: it must be seconds, 0 or more, or a timedelta.", "delay_by")
    return float(delay)


def read_moment(option: str, value: object) -> float:
    """Read a moment as epoch seconds. Raises OptionError."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    if isinstance(value, datetime):
        # A naive datetime is UTC: the worker may be in another zone than the producer.
        value = (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()
    if not _is_number(value):
        raise OptionError(f"{option}={value!r}: it must be epoch seconds, a datetime or a date.", option)
    return float(value)


def _read_duration(option: str, value: object) -> float:
    duration = value.total_seconds() if isinstance(value, timedelta) else value
    if not _is_number(duration) or not duration > 0:
        also = ", a timedelta or a datetime" if option == "expires" else ", or a timedelta"
        raise OptionError(f"{option}={value!r}: it must be seconds, more than 0{also}.", option)
    return float(duration)


def _is_number(value: object) -> TypeGuard[float]:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer beyond the floats
        return False


def _read_callback(value: object) -> Any:
    # A function is turned into its name when the task is encoded, by the Gator's own import policy.
    if callable(value):
        return value
    if isinstance(value, str) and (":" in value or "." in value):
        return value if ":" in value else ":".join(value.rsplit(".", 1))
    raise OptionError(f"{value!r} is no callback: pass a function of a module, or its path as 'module:function'.")


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "retries": _read_retries,
    "is_async": read_is_async,
    "on_start": _read_callback,
    "on_success": _read_callback,
    "on_error": _read_callback,
    "delay_by": _read_delay_by,
    "delay_until": partial(read_moment, "delay_until"),
    "priority": _read_priority,
    "timeout": partial(_read_duration, "timeout"),
    "hard_timeout": partial(_read_duration, "hard_timeout"),
    "expires": partial(_read_duration, "expires"),
    "expires_at": partial(read_moment, "expires_at"),
}
