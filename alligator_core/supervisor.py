"""The supervisor: runs worker processes, and sees to it that whatever becomes of one harms the others' work least."""

from __future__ import annotations

import logging
import math
import signal
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from .backend import SHARED, TAKE_OVER
from .board import shown
from .child_estate import Estate, death_of
from .child_link import STOP, STOP_NOW
from .child_memory import give_back_memory
from .child_overdue import settlement_of_overdue
from .child_process import ChildProcess, how_it_died
from .child_slot import Slot
from .constants import DEFAULT_LEASE
from .errors import BackendError, OptionError
from .hosted import MAX_DELIVERIES
from .supervisor_keeper import SupervisorKeeper
from .supervisor_signals import on_signals
from .worker_options import queue_names, seconds, seconds_above_zero, whole_number

if TYPE_CHECKING:
    from .gator import Gator

log = logging.getLogger("alligator.supervisor")

TICK: Final = 0.1
OWN_CARE: Final = 1.0
"""Seconds after a hard deadline in which a worker process may end by itself, settling what it can."""
LEAVING: Final = 5.0
"""Seconds that a worker process gets to settle and to give back, after its grace."""
FAILED_STARTS: Final = 5
"""How often in a row a worker process may fail to start before the supervisor gives up, if none ever could."""


class Supervisor:
    """Runs several worker processes until SIGTERM, SIGINT or `stop()`, and replaces those that end.

    What a process held that died is settled at once: what it ran counts as what a worker died under, and goes to the
    dead letters after `max_deliveries` of those; the rest is given back uncounted. The leases of living processes are
    renewed here too, for the case that they can't do it. A process that runs a task beyond its hard limit is killed,
    which fails that task alone. Backends without the feature `take_over` leave all of that to the leases.
    """

    def __init__(
        self,
        gator: Gator,
        arguments: Sequence[str],
        *,
        processes: int,
        to_consume: str | Sequence[str] | None = None,
        lease: float = DEFAULT_LEASE,
        grace: float = 30.0,
        max_deliveries: int = MAX_DELIVERIES,
        burst: bool = False,
    ) -> None:
        """Prepare it; `run_forever` starts it.

        Args:
            gator: Where the tasks are. Its hooks decide about tasks that exceeded their hard limit.
            arguments: What `alligator` is called with in each process, such as `["worker", "app:gator"]`. They are
                not shown by `ps`, so a DSN may be among them. The options below must be repeated in them.
            processes: How many.
            to_consume: The queues that they consume; the Gator's own by default.
            lease: Seconds after its last sign of life at which others take over what a process holds.
            grace: Seconds that a running task may go on after the supervisor was told to stop.
            max_deliveries: How often a message may have its worker die under it before it is a dead letter.
            burst: Don't replace a process that ended well while no task is ready; stop when none is left.

        Raises OptionError, also where the backend's queues aren't seen by other processes.
        """
        self.gator = gator
        self.arguments = list(arguments)
        self.queues = queue_names(to_consume, default=gator.queue_name)
        self.lease = seconds_above_zero(lease=lease)
        self.grace = seconds(grace=grace)
        self.max_deliveries = whole_number(1, max_deliveries=max_deliveries)
        self.burst = burst
        self._slots = [Slot() for _ in range(whole_number(1, processes=processes))]
        if SHARED not in gator.backend.features:
            raise OptionError(
                f"processes={processes}: the {gator.backend.name} backend lives in one process, and no other sees its "
                "queues. Leave it out, or use a backend that is shared.",
                "processes",
            )
        self._fail = partial(settlement_of_overdue, gator)
        self._keeper = SupervisorKeeper(gator.backend, self.queues, self.lease, self._living)
        self._told = 0
        self._passed_on = 0
        self._kill_at = math.inf
        self._to_show: list[ChildProcess] = []
        self._ever_ready = False
        self._gave_up = False

    def stop(self) -> None:
        """Tell it to stop as on SIGTERM: a second time, at once. May be called from any thread or signal handler."""
        self._told += 1

    def run_forever(self) -> int:
        """Work until told to stop; then wait for all processes, and return an exit code.

        It is 0 as a rule, and 1 if no process could ever be started, however often that was tried.
        """
        if TAKE_OVER not in self.gator.backend.features:
            log.warning("The %s backend gives back what a dead process held only after its lease", self._name)
        log.info("Supervisor starts %d processes on %s", len(self._slots), self.gator.dsn)
        give_back_memory()
        with on_signals(stop=self.stop, show=self._show):
            self._keeper.start()
            try:
                while not self._is_done():
                    self._look()
                    time.sleep(TICK)
            finally:
                self._keeper.end(LEAVING)
        log.info("Supervisor stops")
        return 1 if self._gave_up else 0

    @property
    def _name(self) -> str:
        return self.gator.backend.name

    def _is_done(self) -> bool:
        empty = all(slot.child is None for slot in self._slots)
        return empty and (bool(self._told) or all(slot.start_at == math.inf for slot in self._slots))

    def _living(self) -> list[str]:
        children = [slot.child for slot in self._slots]
        return [child.holder for child in children if child is not None and child.holder and child.is_at_work()]

    def _look(self) -> None:
        self._pass_on()
        self._show_next()
        for slot in self._slots:
            if slot.child is not None and (code := slot.child.exit_code()) is not None:
                self._bury(slot, slot.child, code)
            if slot.child is None:
                self._fill(slot)
            else:
                self._watch(slot, slot.child)

    def _fill(self, slot: Slot) -> None:
        if self._told or time.monotonic() < slot.start_at:
            return
        try:
            child = ChildProcess(self.arguments)
        except OSError as exc:
            log.error("A worker process can't be started, trying again in %.1f s: %s", slot.fail(), exc)
            return
        slot.fill(child)
        log.info("Started worker process %d", child.pid)

    def _watch(self, slot: Slot, child: ChildProcess) -> None:
        self._ever_ready = self._ever_ready or child.board.is_ready()
        if slot.killed_at:
            return
        now = time.monotonic()
        if now > self._kill_at:
            slot.kill("it did not stop in time")
        for hand in child.board.running():
            if 0 < hand.hard_deadline < now - OWN_CARE:
                slot.kill(f"{shown(hand.key)} takes too long")

    def _bury(self, slot: Slot, child: ChildProcess, code: int) -> None:
        how = how_it_died(code)
        death = death_of(child.board, how, killed_at=slot.killed_at, told_to_stop=bool(self._told))
        self._keeper.settle(Estate(child.holder, death, self.max_deliveries, self._fail))
        self._ever_ready = self._ever_ready or child.board.is_ready()
        blamed = death.running | death.overdue
        pause = slot.empty(well=(code == 0 and not blamed) or bool(slot.killed_at), by_task=bool(blamed))
        child.close()
        if self._told or (code == 0 and not blamed):
            log.info("Worker process %d ended %s", child.pid, how)
        else:
            ran = ", ".join(map(shown, sorted(blamed))) or "nothing"
            log.error("Worker process %d died %s; it ran %s; the next one starts in %.1f s", child.pid, how, ran, pause)
        self._retire(slot, code)
        self._give_up_on(slot)

    def _retire(self, slot: Slot, code: int) -> None:
        """Don't fill the slot again if its process ended because there was nothing to do, as a burst does."""
        if self.burst and code == 0 and not self._is_anything_ready():
            slot.start_at = math.inf

    def _is_anything_ready(self) -> bool:
        try:
            return any(self.gator.backend.size(queue).ready for queue in self.queues)
        except BackendError:
            return True

    def _give_up_on(self, slot: Slot) -> None:
        if slot.failed_starts >= FAILED_STARTS and not self._ever_ready and not self._told:
            log.error("No worker process could be started, in %d tries: giving up", slot.failed_starts)
            self._gave_up = True
            self._told = 1

    def _pass_on(self) -> None:
        """Tell the processes what the supervisor was told, once for each time, but not more than twice."""
        while self._passed_on < min(self._told, 2):
            self._passed_on += 1
            now = self._passed_on == 2
            self._kill_at = time.monotonic() + LEAVING + (0.0 if now else self.grace)
            for slot in self._slots:
                if slot.child is not None:
                    slot.child.order(STOP_NOW if now else STOP)

    def _show(self) -> None:
        self._to_show = [slot.child for slot in self._slots if slot.child is not None]

    def _show_next(self) -> None:
        # One after the other, for what they print would be one mess. Before one is ready the signal would end it.
        if self._to_show and (child := self._to_show.pop(0)).exit_code() is None and child.board.is_ready():
            child.signal(signal.SIGUSR1)
