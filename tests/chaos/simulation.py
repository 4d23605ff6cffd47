"""A seeded simulation: producers, workers and crashes take turns on a store whose clock is virtual.

Every step is one call of the store, so an interleaving is an order of calls, and the seed decides over it all.
Every answer of the store is compared with the ledger's account, and the whole history is judged in the end.
"""

from __future__ import annotations

from collections.abc import Callable

from alligator_core.backend import (
    TAKE_OVER,
    Ack,
    Bury,
    Delivery,
    Message,
    Release,
    Replace,
    Settlement,
)

from .books import QUEUE, Books, Worker
from .ledger import Holder, Violation
from .verdict import judge

IDS = [f"m{number}" for number in range(8)]
MAX_DELIVERIES = 4
STEPS = 120


class Simulation(Books):
    """One run."""

    def run(self) -> None:
        """Take all steps, let a last worker finish, and judge. Raises Violation."""
        turns = [self.push] * 6 + [self.work] * 20 + [self.pass_time] * 6 + [self.cancel, self.join, self.look_after]
        for _ in range(STEPS):
            self.rng.choice(turns)()
            self._check_sizes()
        self._finish()
        verdict = judge(self.events, self.ledger.ever_dead)
        if verdict.problems:
            raise Violation("; ".join(verdict.problems))

    def close(self) -> None:
        """Let go of the store's connections."""
        for consumer in self._consumers:
            consumer.close()
        self.backend.close()

    # What others do

    def push(self) -> None:
        delays = [0.0, 0.0, 0.0, 1.5, 6.0]
        chosen = self.rng.sample(IDS, self.rng.randint(1, 3))
        messages = [Message(id, b"x", self.rng.choice([5, 5, 9]), self.rng.choice(delays)) for id in chosen]
        for message in messages:
            if number := self.ledger.push(message, self.now()):
                self._note("pushing", number)
                self._note("pushed", number)
        self._say("push", [message[::3] for message in messages])
        self.backend.push(QUEUE, messages)

    def cancel(self) -> None:
        id = self.rng.choice(IDS)
        found = self.backend.cancel(QUEUE, id)
        self._say("cancel", id, found is not None)
        account = self.ledger.accounts.get(id)
        may_wait = account is not None and (account.state == "waiting" or account.is_doubtful)
        if found is not None:
            if account is None or not may_wait:
                raise Violation(f"{id} was canceled, and is {account}")
            self._note("canceled", self.ledger.end(id))
        elif account is not None and account.state == "waiting":
            raise Violation(f"{id} waits, and could not be canceled")

    def pass_time(self) -> None:
        if self.rng.random() < 0.05:
            self.clock.jump(self.rng.choice([-3.0, 3.0, 40.0]))
        self._let_pass(self.rng.choice([0.05, 0.5, 1.0, 2.5]))

    def _let_pass(self, seconds: float) -> None:
        self.clock.advance(seconds)
        # What was due once is ready, wherever the clock is set back to.
        self._latest = max(self._latest, self.now())
        self._say("time", seconds)

    def join(self) -> None:
        if len(self.workers) < 4:
            self._pids += 1
            name, lease = f"host:{self._pids}", self.rng.choice([2.0, 5.0])
            consumer = self.backend.consumer([QUEUE], lease, name)
            self._consumers.append(consumer)
            self.workers.append(Worker(consumer, Holder(self._pids, lease), name))

    def look_after(self) -> None:
        """Requeue the dead letters, or take over what a dead worker held."""
        if self.dead and TAKE_OVER in self.backend.features and self.rng.random() < 0.7:
            self._take_over(self.dead.pop())
            return
        moved = self.backend.requeue(QUEUE)
        self._say("requeue", moved)
        self.ledger.requeue(moved)

    # What workers do

    def work(self) -> None:
        awake = [worker for worker in self.workers if worker.wakes_at <= self.clock.monotonic()]
        if not awake:
            return
        worker = self.rng.choice(awake)
        turns: list[tuple[int, Callable[[Worker], None]]] = [
            (30 if not worker.in_hand else 0, self.reserve),
            (30 if worker.in_hand else 0, self.start),
            (30 if worker.ran else 0, self.settle),
            (10, self.beat),
            (3, self.vanish),
            (3, self.stall),
            (1, self.leave),
        ]
        weights, actions = zip(*turns, strict=True)
        self.rng.choices(actions, weights)[0](worker)

    def reserve(self, worker: Worker) -> None:
        with self._sign_of_life(worker):
            came = worker.consumer.reserve(self.rng.randint(1, 4), 0.0)
        self._say(worker.name, "reserves", [delivery.id for delivery in came])
        if len(came) > 1 and any(delivery.deliveries > 1 for delivery in came):
            raise Violation(f"a redelivered message came with others: {came}")
        for delivery in came:
            self._numbers[delivery.id, delivery.token] = self.ledger.deliver(delivery, worker.holder, self._latest)
        worker.in_hand += came

    def start(self, worker: Worker) -> None:
        delivery = worker.in_hand.pop(0)
        worker.ran.append(delivery)
        if delivery.deliveries <= MAX_DELIVERIES:
            self._note("started", self._numbers[delivery.id, delivery.token], worker)

    def settle(self, worker: Worker) -> None:
        chosen = self.rng.sample(worker.ran, self.rng.randint(1, len(worker.ran)))
        settlements: list[Settlement] = [self._settlement(delivery) for delivery in chosen]
        settlements += [Release(delivery) for delivery in worker.in_hand if self.rng.random() < 0.1]
        self._settle(worker, settlements)

    def _settle(self, worker: Worker, settlements: list[Settlement]) -> None:
        with self._sign_of_life(worker):
            stale = worker.consumer.settle(settlements)
        self._say(worker.name, "settles", [(type(each).__name__, each.delivery.id) for each in settlements], stale)
        for settlement in settlements:
            self._settled(worker, settlement, is_stale=settlement.delivery in stale)
        settled = [settlement.delivery for settlement in settlements]
        worker.ran = [delivery for delivery in worker.ran if delivery not in settled]
        worker.in_hand = [delivery for delivery in worker.in_hand if delivery not in settled]

    def beat(self, worker: Worker) -> None:
        with self._sign_of_life(worker):
            lost = worker.consumer.keep_alive()
        self._say(worker.name, "beats", [delivery.id for delivery in lost])
        for delivery in lost:
            if self.ledger.holds(delivery, worker.holder):
                raise Violation(f"{delivery.id} is said to be lost, and isn't")
            self._lost(worker, delivery)
        for delivery in worker.in_hand + worker.ran:
            if self.ledger.holds(delivery, worker.holder) is None:
                self.ledger.accounts[delivery.id].is_doubtful = False  # or it would have been among the lost
        worker.in_hand = [delivery for delivery in worker.in_hand if delivery not in lost]

    def vanish(self, worker: Worker) -> None:
        self._say(worker.name, "dies")
        self._note("killed", -1, worker)
        self.workers.remove(worker)
        self.dead.append(worker)

    def stall(self, worker: Worker) -> None:
        self._note("hurt", -1, worker)
        worker.wakes_at = self.clock.monotonic() + self.rng.choice([0.5, 1.0, 3.0]) * worker.holder.lease

    def leave(self, worker: Worker) -> None:
        self.beat(worker)
        self._say(worker.name, "leaves")
        self._note("killed", -1, worker)
        worker.consumer.close()
        for delivery in worker.in_hand + worker.ran:
            if self.ledger.holds(delivery, worker.holder):
                self.ledger.wait(delivery.id)
        self.workers.remove(worker)

    def _take_over(self, victim: Worker) -> None:
        """Do what a supervisor does, whose own consumer is a fresh one."""
        self.join()
        rescuer = self.workers[-1]
        with self._sign_of_life(rescuer):
            taken = rescuer.consumer.take_over(victim.name)
        self._say(rescuer.name, "takes over", victim.name, [delivery.id for delivery in taken])
        held = {id for id, account in self.ledger.accounts.items() if account.is_held_by(victim.holder)}
        if missed := held - {delivery.id for delivery in taken}:
            raise Violation(f"{missed} were not taken over from {victim.name}")
        for delivery in taken:
            if self.ledger.accounts[delivery.id].holder is not victim.holder:
                raise Violation(f"{delivery.id} was taken over from {victim.name}, which didn't hold it")
        with self._sign_of_life(rescuer):
            stale = rescuer.consumer.settle([Release(delivery, died=True) for delivery in taken])
        if stale:
            raise Violation(f"{stale} were taken over, and could not be released")
        for delivery in taken:
            self.ledger.wait(delivery.id, deaths=delivery.deliveries)

    def _finish(self) -> None:
        """Let everyone die, and one last worker do what is left."""
        for worker in list(self.workers):
            self.vanish(worker)
        self.join()
        worker = self.workers[0]
        for _ in range(300):
            self._let_pass(1.0)
            self.reserve(worker)
            while worker.in_hand:
                self.start(worker)
            if worker.ran:
                self._settle(worker, [Ack(delivery) for delivery in worker.ran])
            if not sum(self.backend.size(QUEUE)[:3]):
                return
        raise Violation(f"not empty in the end: {self.backend.size(QUEUE)}")

    def _settlement(self, delivery: Delivery) -> Settlement:
        if delivery.deliveries > MAX_DELIVERIES:
            return Bury(delivery, "poison")
        kinds: list[Callable[[], Settlement]] = [
            lambda: Ack(delivery),
            lambda: Ack(delivery),
            lambda: Release(delivery, self.rng.choice([0.0, 2.0])),
            lambda: Replace(delivery, Message(delivery.id, b"y", 5, self.rng.choice([0.0, 2.0]))),
            lambda: Bury(delivery, "why"),
        ]
        return self.rng.choice(kinds)()
