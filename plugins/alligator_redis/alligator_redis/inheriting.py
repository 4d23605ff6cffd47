"""Taking over what the consumers of a dead process hold."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from alligator_core.backend import Delivery

from .client import Client
from .hold import Hold, Run
from .lanes import Lane


class Inheriting:
    """One consumer's way of taking over. What an answer spoke of that was lost, the next try returns."""

    def __init__(self, client: Client, lanes: Sequence[Lane], lease: int, lock: Lock) -> None:
        self._client = client
        self._lanes = lanes
        self._lease = lease
        self._lock = lock

    def take_over(self, holder: str) -> list[Delivery]:
        """Take over what a holder holds of all lanes."""
        runs: list[Run] = []
        for lane in self._lanes:
            lane.begin_to_inherit()
        try:
            for lane in self._lanes:
                for hold in lane.holds:
                    self._take_over(hold, holder, runs)
        except BaseException:
            with self._lock:
                # Nobody hears of these; on the server they are this consumer's, like those of the lost answer.
                for run in runs:
                    run.hold.finished(run)
            raise
        for lane in self._lanes:
            lane.has_inherited()
        return [delivery for run in sorted(runs, key=_order) for delivery in run.deliveries]

    def _take_over(self, hold: Hold, holder: str, runs: list[Run]) -> None:
        """Take over what a holder holds of one shard, in portions; note the runs."""
        more: object = 1
        while more:
            with self._lock:
                name, args = hold.name, (hold.name, self._lease, int(hold.known), *hold.runs)
            reply = self._client.call("take_over", hold.key, holder, *args, repeat=True)
            with self._lock:
                if isinstance(reply, int):
                    if hold.name == name:
                        hold.died()
                    continue
                hold.known = hold.known or hold.name == name
                more, *parts = reply
                for place, deliveries, ids, bodies in zip(*[iter(parts)] * 4, strict=True):
                    hold.add(name, place, deliveries, ids, bodies)
                    runs.append(hold.runs[place])


def _order(run: Run) -> tuple[bytes, int]:
    return run.hold.key, int(run.place.partition(b"/")[0])
