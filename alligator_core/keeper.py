"""The keeper: a thread that keeps a session alive while its worker is busy running a task."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from .errors import BackendError
from .session import Session

log = logging.getLogger("alligator.worker")

TICK = 0.02
IDLE_TICK = 0.1
BUSY = 1.0
"""Seconds after the last message was reserved at which nothing that was short can run any more."""
HOARDING = 1.0
"""Seconds that tasks may wait in hand, behind a long one or many, before they are given back to the queue."""


class Keeper:
    """Sends the heartbeat, flushes acks that wait behind a long task, gives back what would wait too long.

    Use it with `with`: its thread lives as long as the block. `on_tick` is called at each look, every
    20 ms while tasks run and every 100 ms while none does.
    """

    def __init__(self, session: Session, lease: float, on_tick: Callable[[], None] | None = None) -> None:
        self._session = session
        self._interval = lease / 3
        self._on_tick = on_tick
        self._next_beat = time.monotonic() + self._interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alligator-keeper", daemon=True)

    def __enter__(self) -> Keeper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._pause()):
            try:
                self._tick(time.monotonic())
            except BackendError as exc:
                log.warning("Could not renew the lease, will try again: %s", exc)
            except Exception:
                # A dead keeper would cost the lease of everything in hand: whatever happens, it goes on.
                log.exception("The keeper failed, and goes on")

    def _pause(self) -> float:
        # Short tasks begin and end between two looks: what was reserved lately counts as running.
        is_idle = time.monotonic() - self._session.taken_at > BUSY
        return min(IDLE_TICK if is_idle and not self._session.is_busy else TICK, self._interval / 4)

    def _tick(self, now: float) -> None:
        # In the order of what must not be kept from happening by the failure of another.
        session = self._session
        if now >= self._next_beat:
            # If it fails it is tried again soon: a lease has room for a few tries.
            self._next_beat = now + self._interval / 4
            session.reachable = False
            session.forget(session.consumer.keep_alive())
            session.reachable = True
            self._next_beat = now + self._interval
        if session.flush_at and now > session.flush_at:
            session.try_flush()
        if session.is_busy and now - session.taken_at > HOARDING and (count := session.give_back()):
            log.info("Gave back %d tasks that waited for too long", count)
        if self._on_tick is not None:
            self._on_tick()
