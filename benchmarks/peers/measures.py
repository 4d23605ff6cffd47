"""The measures, taken on one system: three sessions, each on an empty server and with fresh workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from board import Board, Tally
from layout import STAMPED
from peer import Peer, PeerFailed, Producer
from redis_server import RedisServer

WARM_UP = 200
LATENCIES = 500
STUCK_AFTER = 60.0
LONGEST = 1_500_000


@dataclass
class Results:
    """What was measured on one system, one value a run."""

    about: dict[str, Any] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    tasks: int = 0
    lost: int = 0
    repeated: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, what: str, value: float) -> None:
        """Keep a value."""
        self.values.setdefault(what, []).append(value)

    def count(self, numbers: range, tally: Tally) -> None:
        """Keep how often the tasks of a measure ran."""
        self.tasks += len(numbers)
        self.lost += tally.lost
        self.repeated += tally.repeated


class Bench:
    """Takes all measures on one system, as often as it is told to."""

    def __init__(self, peer: Peer, server: RedisServer, board: Board, *, seconds: float, cores: int) -> None:
        self.results = Results()
        self._peer, self._server, self._board = peer, server, board
        self._seconds, self._cores = seconds, cores
        self._rates: dict[str, float] = {}

    def run(self) -> None:
        """Take each measure once. What fails is noted, and the rest goes on."""
        sessions: list[Callable[[], None]] = [self._first, self._enqueue, lambda: self._drain(1)]
        if self._cores > 1:
            sessions.append(lambda: self._drain(2))
        sessions.append(self._work)
        for session in sessions:
            try:
                self._server.flush()
                self._board.clear()
                session()
            except Exception as exc:  # noqa: BLE001 - one system must not end the run of the others
                self.results.problems.append(f"{type(exc).__name__}: {exc}")

    def _first(self) -> None:
        self.results.add("first", self._peer.first())

    def _enqueue(self) -> None:
        """Singly and in bulk, with no worker there. Where there is no bulk, the drains enqueue singly anyway."""
        with self._producer() as producer:
            if "bulk" in self._rates:
                self._ask(producer, "single", self._size("single"))
                self._server.flush()
                self._ask(producer, "bulk", self._size("bulk"))

    def _drain(self, workers: int) -> None:
        """Enqueue all, then start the workers; the clock runs from when each of them has run a task."""
        what = f"drain{workers}"
        with self._producer() as producer:
            numbers = range(self._size(what))
            self._load(producer, len(numbers))
        with self._peer.workers(workers):
            self._board.wait_for_processes(workers, numbers, STUCK_AFTER)
            done, began = self._board.done(numbers), time.monotonic()
            ended = self._board.wait(numbers, self._timeout())
            self._count(numbers)
            if done < len(numbers):
                self._record(what, len(numbers) - done, ended - began)

    def _work(self) -> None:
        """With a worker there that waits: end to end singly and in bulk, latency, memory."""
        if "flow" not in self._rates:
            return
        with self._peer.workers(1) as workers, self._producer() as producer:
            at = self._warm_up(producer)
            at = self._flow(producer, "flow", "single", at)
            if "bulk" in self._rates:
                self._flow(producer, "flow_bulk", "bulk", at)
            self._latency(producer)
            self.results.add("pss", workers.pss())

    def _warm_up(self, producer: Producer) -> int:
        producer.ask("single", first=0, count=WARM_UP)
        self._board.wait(range(WARM_UP), STUCK_AFTER)
        return WARM_UP

    def _flow(self, producer: Producer, what: str, how: str, first: int) -> int:
        numbers = range(first, first + self._size(what))
        reply = producer.ask(how, first=first, count=len(numbers))
        ended = self._board.wait(numbers, self._timeout())
        self._count(numbers)
        self._record(what, len(numbers), ended - reply["began"])
        return numbers.stop

    def _latency(self, producer: Producer) -> None:
        reply = producer.ask("latency", first=STAMPED, count=LATENCIES, seconds=self._seconds)
        self.results.latencies += reply["samples"]

    def _load(self, producer: Producer, count: int) -> None:
        if "bulk" in self._rates:
            producer.ask("bulk", first=0, count=count)
        else:
            self._ask(producer, "single", count)

    def _ask(self, producer: Producer, how: str, count: int) -> None:
        self._record(how, count, producer.ask(how, first=0, count=count)["seconds"])

    def _record(self, what: str, count: int, seconds: float) -> None:
        rate = count / max(seconds, 1e-6)
        self.results.add(what, rate)
        self._rates[what] = rate

    def _count(self, numbers: range) -> None:
        self.results.count(numbers, self._board.tally(numbers))

    def _producer(self) -> Producer:
        producer = self._peer.producer()
        if not self.results.about:
            self.results.about = producer.about
            rates = producer.about["rates"]
            self._rates = {**rates, "drain1": rates["drain"], "drain2": 1.5 * rates["drain"]}
            self._rates["flow_bulk"] = 0.8 * rates["drain"]
        return producer

    def _size(self, what: str) -> int:
        """Return how many tasks take about the time that each measure shall take."""
        if what not in self._rates:
            raise PeerFailed(f"{self._peer.name} has no rate for {what}")
        return max(100, min(LONGEST, int(self._rates[what] * self._seconds)))

    def _timeout(self) -> float:
        return STUCK_AFTER + 10 * self._seconds
