"""Names that apps compare with: the default queue and the states of a task."""

from __future__ import annotations

from typing import Final

ALL: Final = "all"
"""The queue that a Gator uses when none is named."""

WAITING: Final = "waiting"
DELAYED: Final = "delayed"
RETRYING: Final = "retrying"
SUCCESS: Final = "success"
FAILED: Final = "failed"
CANCELED: Final = "canceled"
EXPIRED: Final = "expired"

DEFAULT_PRIORITY: Final = 5
"""Priorities go from 0 to 9; 9 runs first."""
HIGHEST_PRIORITY: Final = 9

HIGHEST_COUNT: Final = 2**53
"""The most retries, and so attempts: what every language can count to."""

DEFAULT_LEASE: Final = 30.0
"""Seconds after its last sign of life at which a worker counts as dead."""
