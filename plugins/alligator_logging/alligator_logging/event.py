"""An event: what happened, and its fields, as the message of a log record."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Final

log = logging.getLogger("alligator.events")

METHODS: Final = {logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}

set_up_here = False
"""Whether structlog is set up, but by this package."""


class Event(str):
    """What stands in a record's `msg`: as text `task started task_id=… queue=…`, for handlers of any kind."""

    name: str
    fields: Mapping[str, object]

    def __new__(cls, name: str, fields: Mapping[str, object]) -> Event:
        """Make it of the event's name and its fields."""
        made = super().__new__(cls, " ".join([name, *(f"{key}={_shown(value)}" for key, value in fields.items())]))
        made.name, made.fields = name, fields
        return made


def is_heard(level: int) -> bool:
    """Say whether anybody may see an event of that level."""
    # The module first: where nobody has imported structlog, or nobody listens, this is all that an event costs.
    return log.isEnabledFor(level) or ("structlog" in sys.modules and _app_has_set_up_structlog())


def say(level: int, name: str, fields: Mapping[str, object], error: BaseException | None = None) -> None:
    """Log an event: by structlog as the app has set it up, otherwise by the logger `alligator.events`."""
    if _app_has_set_up_structlog():
        import structlog

        more = {} if error is None else {"exc_info": error}
        getattr(structlog.get_logger(log.name), METHODS[level])(name, **fields, **more)
    else:
        # The fields are where the core's own lines about tasks have theirs.
        log.log(level, Event(name, fields), exc_info=error, extra={"alligator": dict(fields)})


def _app_has_set_up_structlog() -> bool:
    # Not imported for that: an app that never did has set up nothing, and a producer starts faster without.
    structlog = sys.modules.get("structlog")
    return structlog is not None and structlog.is_configured() and not set_up_here


def _shown(value: object) -> str:
    # So that where one ends is plain, and none can pass for another field or line.
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(value)
