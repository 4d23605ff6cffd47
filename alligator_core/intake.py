"""A worker's intake: reserving messages, with the acks that are due in between, and patience for the backend."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING

from .errors import BackendError
from .ledger import COALESCE
from .session import Session

if TYPE_CHECKING:
    from .health import Health

log = logging.getLogger("alligator.worker")

MAX_BACKOFF = 5.0
LONGEST_WAIT = 1.0
"""Seconds in one `reserve`: a longer nap consists of several, so that an idle worker hears soon that it is to stop."""


class Intake:
    """Takes messages in hand for a session, waiting up to `wait` seconds for them."""

    def __init__(self, session: Session, wait: float, health: Health | None) -> None:
        self._session = session
        self._health = health
        self._wait = wait
        self._failures = 0

    def reserve(self, limit: int) -> int | None:
        """Take messages in hand, and return how many; None if the backend failed or has still to be waited for."""
        session = self._session
        try:
            came: int | None = session.reserve(limit, min(self._wait, self._flush_or_left()))
            if not came and session.flush_at:
                # What is settled now may be ready again, a retry say: look once more before saying that there is none.
                session.flush()
                came = None
        except BackendError as exc:
            self._back_off(exc)
            return None
        self._failures = 0
        if self._health is not None:
            self._health.note()
        return came

    def flush_if_due(self) -> None:
        """Settle what has waited long enough for company. Never raises a BackendError."""
        flush_at = self._session.flush_at
        if flush_at and time.monotonic() > flush_at:
            self._session.try_flush()

    def _flush_or_left(self) -> float:
        # Acks wait for company, but no longer than they may: first look for more work just so long.
        flush_at = self._session.flush_at
        if not flush_at:
            return self._wait
        left = flush_at - time.monotonic()
        if left > COALESCE / 2:
            return left
        # Rather a little early than in the midst of the next batch: whole batches are settled with less ado.
        self._session.flush()
        return self._wait

    def _back_off(self, exc: BackendError) -> None:
        self._failures += 1
        delay = min(MAX_BACKOFF, 0.1 * 2 ** min(self._failures, 10)) * random.uniform(0.5, 1.0)  # noqa: S311
        log.warning("The backend failed, trying again in %.1f s: %s", delay, exc)
        # In slices, for a signal's handler only sets a flag.
        end = time.monotonic() + delay
        while time.monotonic() < end and not self._session.closing:
            time.sleep(0.05)
