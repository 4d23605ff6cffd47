"""What an error says about when to try again, as the answers of HTTP servers do that are busy (429, 503)."""

from __future__ import annotations

import math
import time
from datetime import datetime, timedelta, timezone


def retry_after(error: BaseException) -> float | None:
    """Return after how many seconds an error asks to try again, None if it doesn't.

    That is its `retry_after` (seconds, a timedelta, or the text of the header), or the header `Retry-After` (seconds,
    or an HTTP date: RFC 9110, 10.2.3) of its `response.headers` or its own `headers`.
    """
    try:
        for found in _said(error):
            if (seconds := _seconds(found)) is not None:
                return seconds
    except Exception:  # noqa: BLE001  (it's the error's own code, and says nothing then)
        return None
    return None


def _said(error: BaseException) -> list[object]:
    said = [getattr(error, "retry_after", None)]
    for holder in (getattr(error, "response", None), error):
        headers = getattr(holder, "headers", None)
        if headers is not None:
            # Plain dicts tell cases apart, what HTTP clients have does not.
            said += [headers.get("Retry-After"), headers.get("retry-after")]
    return said


def _seconds(said: object) -> float | None:
    if isinstance(said, timedelta):
        said = said.total_seconds()
    elif isinstance(said, str):
        said = float(said) if _is_number(said) else _until(said)
    if isinstance(said, bool) or not isinstance(said, int | float) or math.isnan(said):
        return None
    return max(0.0, float(said))


def _is_number(text: str) -> bool:
    return text.strip().replace(".", "", 1).isdecimal()


def _until(date: str) -> float | None:
    from email.utils import parsedate_to_datetime  # late: few workers ever meet a date

    try:
        moment: datetime = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return None
    # One without a zone is GMT: HTTP has no other.
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() - time.time()
