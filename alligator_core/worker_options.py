"""The options of a worker, read and checked."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from .errors import OptionError
from .gator import checked_queue


def queue_names(to_consume: object, *, default: str) -> list[str]:
    """Return the queues to consume: one by its name, or several in their order. Raises OptionError."""
    names = [to_consume] if isinstance(to_consume, str) else [] if to_consume is None else to_consume
    if not isinstance(names, Sequence):
        raise OptionError(f"to_consume={to_consume!r}: it must be a queue_name, or several.", "to_consume")
    return list(dict.fromkeys(map(checked_queue, names))) or [default]


def set_log_level(log_level: int | str) -> None:
    """Set the level of the `alligator` logger. Raises OptionError."""
    try:
        logging.getLogger("alligator").setLevel(log_level)
    except (TypeError, ValueError):
        raise OptionError(
            f"log_level={log_level!r}: it must be a level of logging, such as INFO.", "log_level"
        ) from None


def whole_number(lowest: int, **option: Any) -> int:
    """Return the one option if it is a whole number of `lowest` or more. Raises OptionError."""
    ((name, value),) = option.items()
    if isinstance(value, bool) or not isinstance(value, int):
        raise OptionError(f"{name}={value!r}: it must be a whole number.", name)
    if value < lowest:
        raise OptionError(f"{name}={value!r}: it must be {lowest} or more.", name)
    return value


def seconds(**option: Any) -> float:
    """Return the one option if it is a duration of 0 s or more, endless ones included. Raises OptionError."""
    ((name, value),) = option.items()
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise OptionError(f"{name}={value!r}: it must be 0 or more.", name)
    return value


def seconds_above_zero(**option: Any) -> float:
    """Return the one option if it is a duration above 0 s that has an end. Raises OptionError."""
    ((name, value),) = option.items()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise OptionError(f"{name}={value!r}: it must be more than 0 seconds.", name)
    return value
