"""The entries of maps: how many there are, for finding those that a parser has dropped."""

from __future__ import annotations

from typing import Any


def count_entries(decoded: Any) -> int:
    """Count the entries of all maps within a value.

    Parsers keep one of two entries with the same key, and not all of them the same one. So a message with such a map
    would not mean one thing: a serializer that finds more entries in the bytes than in the value has to refuse it.
    """
    left: list[Any] = [decoded]
    count = 0
    for value in left:
        if type(value) is dict:
            count += len(value)
            left += value.values()
        elif type(value) is list:
            left += value
    return count
