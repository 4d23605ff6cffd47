"""The text forms of dates and times: ISO 8601, with the time zone in brackets as RFC 9557 has it."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timezone, tzinfo
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from .refusals import Uncarriable, full_name

Clock = TypeVar("Clock", datetime, time)

_DAY: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK: Final = (
    r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3}(?:[0-9]{3})?)?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{6})?)?)?"
)
_SUFFIX: Final = r"(?:\[(?P<zone>[A-Za-z0-9_+/-]+)\])?(?P<fold>\[fold=1\])?"
_DATE_TEXT: Final = re.compile(_DAY)
_DATETIME_TEXT: Final = re.compile(f"(?P<iso>{_DAY}T{_CLOCK}){_SUFFIX}")
_TIME_TEXT: Final = re.compile(f"(?P<iso>{_CLOCK}){_SUFFIX}")


def write_clock(value: datetime | time) -> str:
    """Return the text of a datetime or time. Raises Uncarriable if its time zone has none."""
    zone = "" if value.tzinfo is None or type(value.tzinfo) is timezone else f"[{_zone_key(value.tzinfo)}]"
    return value.isoformat() + zone + ("[fold=1]" if value.fold else "")


def read_date(text: str) -> date:
    """Return the date of a text. Raises ValueError."""
    if not _DATE_TEXT.fullmatch(text):
        raise ValueError("not a date such as 2026-11-24")
    return date.fromisoformat(text)


def read_datetime(text: str) -> datetime:
    """Return the datetime of a text. Raises ValueError."""
    return _read(text, _DATETIME_TEXT, datetime)


def read_time(text: str) -> time:
    """Return the time of a text. Raises ValueError."""
    return _read(text, _TIME_TEXT, time)


def _read(text: str, form: re.Pattern[str], kind: type[Clock]) -> Clock:
    found = form.fullmatch(text)
    if found is None:
        raise ValueError(f"not a {kind.__name__} in ISO 8601 with seconds")
    # Python 3.10 doesn't read a Z.
    value = kind.fromisoformat(found["iso"].replace("Z", "+00:00"))
    if found["zone"] is None:
        return value.replace(fold=1) if found["fold"] else value
    zone = _zone(found["zone"])
    for fold in (1,) if found["fold"] else (0, 1):
        zoned = value.replace(tzinfo=zone, fold=fold)
        if value.tzinfo is None or zoned.utcoffset() == value.utcoffset():
            return zoned
    raise ValueError("its offset is not what the time zone data of this machine says")


def _zone_key(zone: tzinfo) -> str:
    key = zone.key if type(zone) is ZoneInfo else None
    if key is None:
        raise Uncarriable(
            f"has a time zone of type {full_name(type(zone))} that has no name to send: "
            "use zoneinfo.ZoneInfo(key), or convert it with .astimezone(timezone.utc)."
        )
    try:
        _zone(key)
    except ValueError as exc:
        raise Uncarriable(
            f"has a time zone that others can't look up ({exc}): convert it with .astimezone(timezone.utc)."
        ) from exc
    return key


def _zone(key: str) -> ZoneInfo:
    try:
        return ZoneInfo(key)
    # zoneinfo lets through what opening a file by such a name raises.
    except (KeyError, ValueError, OSError) as exc:
        raise ValueError(f"no time zone {key!r} on this machine") from exc
