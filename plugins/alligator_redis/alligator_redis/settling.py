"""From settlements to the operations of the settle script, and from its answer to what came too late."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from alligator_core.backend import Ack, Bury, Delivery, Release, Replace, Settlement

from .hold import Hold, Run
from .link import milliseconds

CHUNK: Final = 1000
"""Operations in one call, so that the server is never busy with one for long."""


class Operation(NamedTuple):
    """One operation: what is said to the server, and the deliveries that it is about."""

    words: tuple[Any, ...]
    run: Run
    deliveries: Sequence[Delivery]

    @property
    def is_all(self) -> bool:
        """Whether this acks all that is left of a run."""
        return self.words[:1] == ("A",) and self.words[2:] == (0,)

    def late(self, which: int) -> Sequence[Delivery]:
        """Return what came too late: the server says which, 0 for all."""
        return [self.deliveries[which - 1]] if which else self.deliveries


class Sheet:
    """What is to be settled on one shard, under one name of the consumer."""

    def __init__(self, hold: Hold, name: str) -> None:
        self.hold = hold
        self.name = name
        self._acks: list[Operation] = []
        self._others: list[Operation] = []

    def ack_all(self, run: Run) -> None:
        """Note that a whole run is acked."""
        self._acks.append(Operation(("A", run.place, 0), run, run.deliveries))

    def ack(self, run: Run, group: list[Delivery]) -> None:
        """Note acks of one run."""
        if len(group) == run.left and _ids(group) == _ids(run.unsettled()):
            self._acks.append(Operation(("A", run.place, 0), run, group))
            return
        find = run.indexes().get
        indexes = [find(delivery.id, 0) for delivery in group]
        self._acks.append(Operation(("A", run.place, len(indexes), *indexes), run, group))

    def note(self, settlement: Release | Replace | Bury, run: Run) -> None:
        """Note anything else."""
        delivery = settlement.delivery
        where = (run.place, run.indexes().get(delivery.id, 0), delivery.id)
        words: tuple[Any, ...]
        if isinstance(settlement, Release):
            words = ("R", *where, milliseconds(settlement.delay), int(settlement.died))
        elif isinstance(settlement, Replace):
            id, body, priority, delay = settlement.message
            words = ("P", *where, id, body, priority, milliseconds(delay))
        else:
            body, has_body = settlement.body or b"", settlement.body is not None
            words = ("B", *where, settlement.reason, delivery.deliveries, int(has_body), body)
        self._others.append(Operation(words, run, (delivery,)))

    def chunks(self) -> Iterable[list[Operation]]:
        """Return the operations in portions, acks first."""
        operations = [*self._acks, *self._others]
        chunk: list[Operation] = []
        size = 0
        for operation in operations:
            if chunk and size + len(operation.deliveries) > CHUNK:
                yield chunk
                chunk, size = [], 0
            chunk.append(operation)
            size += len(operation.deliveries)
        if chunk:
            yield chunk


class Sorting:
    """Settlements sorted by where they go. `foreign` are deliveries that are stale without a question: those that were
    never of these holds, and those that are settled a second time."""

    def __init__(self, holds: Sequence[Hold]) -> None:
        self.foreign: list[Delivery] = []
        self._holds = holds
        self._sheets: dict[tuple[int, str], Sheet] = {}
        self._acks: dict[Run, list[Delivery]] = {}
        self._seen: dict[Run, set[str]] = {}
        self._whole: set[Run] = set()

    def add_all(self, settlements: Sequence[Settlement]) -> None:
        """Sort all of them; a run that was acked as a whole, the usual case, in one go."""
        position = 0
        while position < len(settlements):
            run = settlements[position][0].token
            if type(run) is not Run or run.hold not in self._holds or run in self._whole:
                self.foreign.append(settlements[position][0])
                position += 1
                continue
            part = settlements[position : position + len(run.deliveries)]
            if run.deliveries and not run.gone and run not in self._seen and _are_acks_of(part, run):
                self._whole.add(run)
                self._sheet(run).ack_all(run)
                position += len(part)
            else:
                self._add(settlements[position], run)
                position += 1

    def sheets(self) -> list[Sheet]:
        """Return what is to be said to each shard."""
        for run, group in self._acks.items():
            self._sheet(run).ack(run, group)
        return list(self._sheets.values())

    def _add(self, settlement: Settlement, run: Run) -> None:
        seen = self._seen.setdefault(run, set())
        if settlement.delivery.id in seen:
            self.foreign.append(settlement.delivery)
            return
        seen.add(settlement.delivery.id)
        if isinstance(settlement, Ack):
            self._acks.setdefault(run, []).append(settlement.delivery)
        else:
            self._sheet(run).note(settlement, run)

    def _sheet(self, run: Run) -> Sheet:
        key = id(run.hold), run.name
        if key not in self._sheets:
            self._sheets[key] = Sheet(run.hold, run.name)
        return self._sheets[key]


def _are_acks_of(settlements: Sequence[Settlement], run: Run) -> bool:
    # Both ends first: parts of runs are common too, and looking through the whole of each would cost its square.
    ours = run.deliveries
    if len(settlements) != len(ours) or settlements[0][0] is not ours[0] or settlements[-1][0] is not ours[-1]:
        return False
    # By identity, as good as always: no delivery is looked into.
    return [settlement[0] for settlement in settlements] == ours and set(map(type, settlements)) == {Ack}


def _ids(deliveries: Iterable[Delivery]) -> set[str]:
    return {delivery.id for delivery in deliveries}
