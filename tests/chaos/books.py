"""The books of a simulation: every answer of the store is compared with the ledger, and written down."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from alligator_core.backend import Ack, Backend, Bury, Consumer, Delivery, Release, Settlement

from .history import Event
from .ledger import Holder, Ledger, Violation
from .virtual_clock import VirtualClock

QUEUE = "all"


class Worker:
    """A simulated worker: a consumer, and what it has in hand."""

    def __init__(self, consumer: Consumer, holder: Holder, name: str) -> None:
        self.consumer = consumer
        self.holder = holder
        self.name = name
        self.in_hand: list[Delivery] = []
        self.ran: list[Delivery] = []
        self.wakes_at = 0.0


class Books:
    """Knows what must be, and what was: `events` for the judge, `trace` for the eye."""

    def __init__(self, seed: int, backend: Backend, clock: VirtualClock, now: Callable[[], float]) -> None:
        self.rng = random.Random(seed)
        self.backend = backend
        self.clock = clock
        self.now = now
        """The time by which the store decides."""
        self.ledger = Ledger()
        self.events: list[Event] = []
        self.trace: list[str] = []
        self.workers: list[Worker] = []
        self.dead: list[Worker] = []
        self._numbers: dict[tuple[str, object], int] = {}
        self._consumers: list[Consumer] = []
        self._pids = 0
        self._latest = now()

    def _settled(self, worker: Worker, settlement: Settlement, *, is_stale: bool) -> None:
        delivery = settlement.delivery
        holds = self.ledger.holds(delivery, worker.holder)
        if holds is not None and holds == is_stale:
            raise Violation(f"{worker.name} settled {delivery.id}: stale={is_stale}, but it held it: {holds}")
        if is_stale:
            self._lost(worker, delivery)
            return
        self._failed_or_finished(worker, settlement)
        if isinstance(settlement, Ack):
            self.ledger.end(delivery.id)
        elif isinstance(settlement, Bury):
            self.ledger.bury(delivery.id)
        elif isinstance(settlement, Release):
            self.ledger.wait(delivery.id, self.now() + settlement.delay)
        else:
            self.ledger.wait(delivery.id, self.now() + settlement.message.delay, deaths=0)

    def _failed_or_finished(self, worker: Worker, settlement: Settlement) -> None:
        kind = "finished" if isinstance(settlement, Ack) else "failed"
        self._note(kind, self._numbers[settlement.delivery.id, settlement.delivery.token], worker)

    def _lost(self, worker: Worker, delivery: Delivery) -> None:
        """Note that a delivery turned out to be no longer the worker's: if it was in doubt, it waits again."""
        if self.ledger.holds(delivery, worker.holder) is None:
            self.ledger.wait(delivery.id, deaths=delivery.deliveries)

    @contextmanager
    def _sign_of_life(self, worker: Worker) -> Iterator[None]:
        self._doubt()
        yield
        worker.holder.expires = self.now() + worker.holder.lease

    def _doubt(self) -> None:
        for holder in self.ledger.doubt(self.now()):
            self.events.append(Event("hurt", -1, holder.pid, self.clock.monotonic()))

    def _check_sizes(self) -> None:
        size = self.backend.size(QUEUE)
        messages, dead = self.ledger.size()
        if (messages, dead) != (sum(size[:3]), size.dead):
            raise Violation(f"{size}, and there are {messages} messages and {dead} dead letters")

    def _note(self, kind: str, number: int, worker: Worker | None = None) -> None:
        pid = worker.holder.pid if worker else -1
        self.events.append(Event(kind, number, pid, self.clock.monotonic()))

    def _say(self, *words: object) -> None:
        self.trace.append(f"{self.clock.monotonic():9.2f} {' '.join(map(str, words))}")
