"""What a consumer holds of one shard of a queue, as the server has it written down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from secrets import token_hex
from typing import Final

from alligator_core.backend import Delivery

_LANE: Final = 1 << 49
_new: Final = tuple.__new__


class Run:
    """Messages that were taken together: the server keeps one record of them. The token of their deliveries."""

    __slots__ = ("deliveries", "gone", "hold", "name", "place")

    def __init__(self, hold: Hold, name: str, place: bytes) -> None:
        self.hold = hold
        self.name = name
        self.place = place
        self.deliveries: list[Delivery] = []
        self.gone: set[str] = set()
        """The ids of those settled."""

    @property
    def left(self) -> int:
        """How many are not settled."""
        return len(self.deliveries) - len(self.gone)

    def forget(self) -> None:
        """Let go of the deliveries: they and this refer to each other, and nobody should wait for the collector."""
        self.deliveries = []
        self.gone = set()

    def unsettled(self) -> list[Delivery]:
        """Return those that are not settled."""
        return [delivery for delivery in self.deliveries if delivery.id not in self.gone]

    def indexes(self) -> dict[str, int]:
        """Return where each id is in the server's record, counted from 1."""
        return {delivery.id: index for index, delivery in enumerate(self.deliveries, 1)}

    def __repr__(self) -> str:
        return f"Run({self.name}, {self.place!r})"


class Hold:
    """One shard that a consumer takes from, and the name that it goes by there: a new one after each death."""

    __slots__ = ("_prefix", "key", "known", "lost", "name", "queue", "runs", "suspects")

    def __init__(self, queue: str, key: bytes, holder: str = "") -> None:
        self._prefix = f"{holder}/" if holder else ""
        self.queue = queue
        self.key = key
        self.runs: dict[bytes, Run] = {}
        self.suspects: set[str] = set()
        """Ids that a settle spoke of whose answer was lost: if they are gone, they are done."""
        self.lost: list[Delivery] = []
        self.rename()

    def rename(self) -> None:
        """Go on under a new name: the server let go of all that the old one held."""
        self.name = self._prefix + token_hex(8)
        self.known = False

    def died(self) -> None:
        """Note that the server handed back what was held here."""
        for run in self.runs.values():
            self.lost += run.unsettled()
        self.clear()
        self.suspects = set()
        self.rename()

    def clear(self) -> None:
        """Forget all that was held."""
        runs, self.runs = self.runs, {}
        for run in runs.values():
            run.forget()

    def ids(self) -> set[str]:
        """Return the ids of all that is held and not settled."""
        return {delivery.id for run in self.runs.values() for delivery in run.unsettled()}

    def add(
        self, name: str, place: bytes, deliveries: int, ids: Sequence[bytes], bodies: Sequence[bytes]
    ) -> list[Delivery]:
        """Note a run that the server handed out to this name."""
        run = self.runs[place] = Run(self, name, place)
        priority = 9 - int(place.partition(b"/")[0]) // _LANE
        fields = zip(
            repeat(self.queue), map(bytes.decode, ids), bodies, repeat(deliveries), repeat(priority), repeat(run)
        )
        # As Delivery(…) does, in half the time: this is done for every task.
        run.deliveries = [_new(Delivery, each) for each in fields]
        return run.deliveries

    def settled(self, run: Run, ids: Iterable[str]) -> None:
        """Forget messages of a run that the server was told about."""
        run.gone.update(ids)
        if run.left <= 0:
            self.finished(run)

    def finished(self, run: Run) -> None:
        """Forget a run of which nothing is left."""
        if self.runs.get(run.place) is run:
            del self.runs[run.place]
            run.forget()
