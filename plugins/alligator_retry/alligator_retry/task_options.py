"""The options that a single task may be given, beside its `retries`."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from alligator_core.errors import OptionError
from alligator_core.plugin_options import OptionReader, option_of
from alligator_core.task import Task

from .policy import BACKOFFS, RetryPolicy

log = logging.getLogger("alligator.plugins.retry")


def _read_backoff(value: object) -> str:
    if not isinstance(value, str) or value not in BACKOFFS:
        raise OptionError(f"backoff={value!r}: it must be one of {', '.join(BACKOFFS)}.", "backoff")
    return value


def _read_number(option: str, lowest: float, value: object) -> str:
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not lowest <= number < math.inf:
        raise OptionError(f"{option}={value!r}: it must be a number, {lowest:g} or more.", option)
    return repr(float(number))


READERS: Final[Mapping[str, OptionReader]] = {
    "backoff": _read_backoff,
    "backoff_base": partial(_read_number, "backoff_base", 0.0),
    "backoff_factor": partial(_read_number, "backoff_factor", 1.0),
    "retry_max_delay": partial(_read_number, "retry_max_delay", 0.0),
    "retry_max_age": partial(_read_number, "retry_max_age", 0.0),
}
"""What `gator.options` accepts, and how."""

_FIELDS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "backoff": ("backoff", str),
    "backoff_base": ("base", float),
    "backoff_factor": ("factor", float),
    "retry_max_delay": ("max_delay", float),
    "retry_max_age": ("max_age", float),
}


def policy_for(task: Task, policy: RetryPolicy) -> RetryPolicy:
    """Return a policy as the options of a task change it."""
    if not task.has_headers:
        return policy
    said = {name: text for name in _FIELDS if (text := option_of(task, name)) is not None}
    try:
        changes = {field: read(said[name]) for name, (field, read) in _FIELDS.items() if name in said}
        return replace(policy, **changes) if changes else policy
    except ValueError as exc:
        log.warning("The retry options of %r are ignored, its message has bad ones: %s", task, exc)
        return policy
