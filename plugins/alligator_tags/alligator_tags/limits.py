"""How deep and how long values may be, for writing and reading alike."""

from __future__ import annotations

from typing import Final

DEPTH: Final = 100
"""How many lists, maps and dataclasses may lie in one another, `args` and `kwargs` included."""

TOO_DEEP: Final = f"it is nested more than {DEPTH} levels deep"

LONGEST_INTEGER: Final = 4096
"""Decimal digits; readers of JSON, Python's among them, stop at 4300 or so."""

MOST_PARTS: Final = 1_000_000
"""How many lists, maps and entries of maps a payload may hold: a byte or two of it may take a hundred of memory."""

TOO_MANY_PARTS: Final = f"it holds more than {MOST_PARTS:,} lists, maps and entries of maps"
