"""SQS's clock, by the dates of its answers."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Any


class Clock:
    """Tells what time it is there, and when an answer was made: `time.monotonic()` of it, as near as dates can tell.

    A date has whole seconds, and an answer takes its time to arrive: the least difference ever seen is nearest.
    """

    def __init__(self) -> None:
        self._offset: float | None = None

    def note(self, answer: dict[str, Any]) -> None:
        """Learn from an answer that has just arrived."""
        date = _date(answer)
        if date is not None:
            offset = time.monotonic() - date
            self._offset = offset if self._offset is None else min(offset, self._offset)

    def made_at(self, answer: dict[str, Any], since: float) -> float:
        """Return when an answer was made to what was asked at `since`: rather too early than too late."""
        date = _date(answer)
        if date is None or self._offset is None:
            return since
        return max(since, min(date + self._offset, time.monotonic()))

    def now(self) -> float:
        """Return what time it is there, in epoch seconds."""
        return time.time() if self._offset is None else time.monotonic() - self._offset


def _date(answer: dict[str, Any]) -> float | None:
    text = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
