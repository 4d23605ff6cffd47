"""The supervisor's keeper: a thread that does for worker processes what they can't do, or can't do any more."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from . import holder
from .backend import TAKE_OVER, Backend, Bury, Consumer
from .child_estate import Estate
from .errors import BackendError
from .reclaim import reclaim_dead

log = logging.getLogger("alligator.supervisor")

TICK: Final = 0.5
RETRY: Final = 0.5
"""Seconds until what the backend refused is tried again."""
DYING: Final = 60.0
"""Seconds after its start in which it looks whether processes of others that lived then have died."""
LEFT: Final = 2.0
"""Seconds that the dead of others are left to their own supervisor, which knows better what they did."""


class SupervisorKeeper:
    """Renews the leases of living worker processes, and settles what dead ones held, while its block runs.

    The backend may keep it waiting: the supervisor itself never does that. On backends without the feature
    `take_over` it does nothing, and what dead processes held comes back when their leases have run out.
    """

    def __init__(
        self, backend: Backend, queues: Sequence[str], lease: float, living: Callable[[], Sequence[str]]
    ) -> None:
        """Prepare it. `living` returns the names of the processes whose leases it renews."""
        self._backend = backend
        self._queues = list(queues)
        self._lease = lease
        self._living = living
        self._jobs: deque[Callable[[Consumer], None]] = deque([self._reclaim])
        self._others: dict[str, float | None] = {}  # and when each was found dead
        self._others_until = 0.0
        self._consumer: Consumer | None = None
        self._next_renewal = 0.0
        self._ending = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alligator-keeper", daemon=True)

    def start(self) -> None:
        """Start it; its first job is to reclaim what processes of this host held that died before."""
        if TAKE_OVER in self._backend.features:
            self._thread.start()

    def settle(self, estate: Estate) -> None:
        """Have it settle what a dead process held, soon, and until that is done."""
        if estate.name and TAKE_OVER in self._backend.features:
            self._jobs.append(lambda consumer: self._settle(estate, consumer))
            self._wake.set()

    def end(self, timeout: float) -> None:
        """Let it do what it has to do, within some seconds, and end it."""
        self._ending = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        if self._jobs and self._thread.ident:
            log.warning("Could not give back what %d processes held: others get it later", len(self._jobs))

    def _run(self) -> None:
        while self._jobs or not self._ending:
            try:
                self._renew()
                self._look_at_others()
                self._do_jobs()
            except BackendError as exc:
                log.warning("The backend failed, trying again: %s", exc)
                time.sleep(RETRY)
            except Exception:
                # A dead keeper would cost the leases of all processes: whatever happens, it goes on.
                log.exception("The supervisor's keeper failed, and goes on")
                time.sleep(RETRY)
            else:
                self._wake.wait(min(TICK, self._lease / 10))
                self._wake.clear()
        self._close()

    def _renew(self) -> None:
        now = time.monotonic()
        if now < self._next_renewal:
            return
        for name in self._living():
            self._backend.keep_alive(self._queues, name, self._lease)
        self._next_renewal = now + self._lease / 3

    def _do_jobs(self) -> None:
        while self._jobs:
            if self._consumer is None:
                self._consumer = self._backend.consumer(self._queues, self._lease, holder.this_process())
            self._do(self._jobs[0], self._consumer)
            self._jobs.popleft()
        self._close()

    def _do(self, job: Callable[[Consumer], None], consumer: Consumer) -> None:
        try:
            job(consumer)
        except BackendError:
            raise
        except Exception:
            # A bug, or a hook's. What it took over is given back with the consumer; others shouldn't wait for it.
            log.exception("What a dead process held could not be settled: it is given back")

    def _close(self) -> None:
        # Held only as long as it is needed: an idle consumer would need a heartbeat too.
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            consumer.close()

    def _reclaim(self, consumer: Consumer) -> None:
        reclaim_dead(consumer, self._backend, self._queues)
        # Who was killed while it waits for a disk, say, dies only now.
        others = {*self._backend.holders(self._queues)} - {holder.this_process(), *self._living()}
        self._others = dict.fromkeys(others)
        self._others_until = time.monotonic() + DYING

    def _look_at_others(self) -> None:
        now = time.monotonic()
        for name, died in tuple(self._others.items()):
            if died is None and holder.is_dead(name):
                self._others[name] = now
            elif died is None and now > self._others_until:
                del self._others[name]
            elif died is not None and now - died >= LEFT:
                del self._others[name]
                self._jobs.append(partial(self._reclaim_from, name))

    def _reclaim_from(self, name: str, consumer: Consumer) -> None:
        reclaim_dead(consumer, self._backend, self._queues, among=[name])

    def _settle(self, estate: Estate, consumer: Consumer) -> None:
        done = estate.settle(consumer)
        for each in done:
            if isinstance(each, Bury):
                log.error("%s goes to the dead letters: %s", each.delivery.id, each.reason.partition("\n")[0])
        if done:
            log.info("Settled %d tasks that a dead process held", len(done))
