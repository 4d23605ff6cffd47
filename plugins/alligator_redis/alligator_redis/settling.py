"""From settlements to the operations of the settle script, and from its answer to what came too late."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from alligator_core.backend import Ack, Bury, Delivery, Release, Replace, Settlement

from .hold import Hold, Run

CHUNK: Final = 1000
"""Operations in one call, so that the server is never busy with one for long."""


class Operation(NamedTuple):
    """One operation: what is said to the server, and the deliveries that it is about."""

    words: tuple[Any, ...]
    run: Run
    deliveries: Sequence[Delivery]

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

    def ack(self, run: Run, group: list[Delivery]) -> None:
        """Note acks of one run."""
        # Most often it is the very list that was handed out, which is compared at no cost.
        if group == run.deliveries or (len(group) == run.left and _ids(group) == _ids(run.unsettled())):
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
            words = ("R", *where, milliseconds(settlement.delay))
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


def sheets(settlements: Sequence[Settlement], holds: Sequence[Hold]) -> tuple[list[Sheet], list[Delivery]]:
    """Sort settlements by where they go; return the sheets, and the deliveries that were never of these holds."""
    found: dict[tuple[int, str], Sheet] = {}
    foreign: list[Delivery] = []
    acks: dict[Run, list[Delivery]] = {}
    for settlement in settlements:
        delivery = settlement[0]
        run = delivery.token
        if type(run) is not Run:
            foreign.append(delivery)
            continue
        if type(settlement) is Ack and run in acks:
            acks[run].append(delivery)
            continue
        if run.hold not in holds:
            foreign.append(delivery)
            continue
        sheet = found.get((id(run.hold), run.name))
        if sheet is None:
            sheet = found[id(run.hold), run.name] = Sheet(run.hold, run.name)
        if type(settlement) is Ack:
            acks[run] = [delivery]
        else:
            sheet.note(settlement, run)  # type: ignore[arg-type]
    for run, group in acks.items():
        found[id(run.hold), run.name].ack(run, group)
    return list(found.values()), foreign


def milliseconds(delay: float) -> int:
    """Return a duration as the scripts take it; what is more than nothing stays so."""
    return max(1, round(delay * 1000)) if delay > 0 else 0


def _ids(deliveries: Iterable[Delivery]) -> set[str]:
    return {delivery.id for delivery in deliveries}
