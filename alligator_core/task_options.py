"""The options of a task, checked once and shared by all tasks that are made under them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final, TypeGuard

from .constants import HIGHEST_PRIORITY
from .dsn import yes_or_no
from .errors import ConfigurationError, MultipleDelayError, OptionError

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
        return cls(**{name: _READERS[name](value) for name, value in given.items() if value is not None})

    @property
    def delay(self) -> float:
        """Seconds from now until the task may run; 0 for at once."""
        if self.delay_by is not None:
            return self.delay_by
        return 0.0 if self.delay_until is None else max(0.0, self.delay_until - time.time())

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


def _read_delay_until(value: object) -> float:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    if isinstance(value, datetime):
        # A naive datetime is UTC: the worker may be in another zone than the producer.
        value = (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()
    if not _is_number(value):
        raise OptionError(f"delay_until={value!r}: it must be epoch seconds, a datetime or a date.", "delay_until")
    return float(value)


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
    "delay_until": _read_delay_until,
    "priority": _read_priority,
}
