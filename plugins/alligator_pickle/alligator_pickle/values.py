"""What a pickle may name by itself: types of Python's own whose instances are values, and do nothing when made."""

from __future__ import annotations

import builtins
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

_EXCEPTIONS: Final = [
    each for each in vars(builtins).values() if isinstance(each, type) and issubclass(each, BaseException)
]

VALUES: Final[frozenset[type]] = frozenset(
    {
        *(bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, slice, object),
        *(date, datetime, time, timedelta, timezone, ZoneInfo, Decimal, Fraction, UUID),
        *(OrderedDict, Counter, defaultdict, deque),
        *_EXCEPTIONS,
    }
)

BY_NAME: Final = {(each.__module__, each.__qualname__): each for each in VALUES}


def class_named(name: str) -> type:
    """Stand in a pickle for what looks a class up; a reader puts the import policy in its place."""
    raise LookupError(f"Only alligator-pickle can read a pickle that names {name!r}.")
