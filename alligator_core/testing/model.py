"""A backend compared with a model of it: hypothesis tries sequences of operations that nobody would think of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from ..backend import (
    CANCEL,
    DEAD_LETTERS,
    DELAY,
    EXACT_SIZE,
    FIND,
    GET,
    ORDER,
    PEEK,
    PRIORITY,
    PURGE,
    STOP,
    TAKE_OVER,
    UNIQUE,
    Ack,
    Bury,
    Consumer,
    Delivery,
    Entry,
    Message,
    Release,
    Replace,
    Settlement,
    State,
)
from ..constants import DEFAULT_PRIORITY
from .harness import Harness
from .line import Line

Rule = TypeVar("Rule", bound=Callable[..., None])

LATER: Final = 3600.0
"""Seconds; long enough for a delayed message to stay so."""

_ids: Final = st.sampled_from("abcdef")
_bodies: Final = st.binary(max_size=3)
_queues: Final = st.sampled_from([0, 0, 0, 1])
_priorities: Final = st.sampled_from([5, 5, 9, 0])
_rarely: Final = st.sampled_from([False, False, False, True])
_settings: Final = settings(
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def run_model(dsn: str, *, examples: int = 100) -> None:
    """Compare the backend of a DSN with the model. Raises AssertionError, with the steps that led to a difference.

    `examples` is the number of sequences to try, of up to 50 steps each.
    """

    class Machine(BackendModel):
        def __init__(self) -> None:
            super().__init__(dsn)

    run_state_machine_as_test(Machine, settings=settings(_settings, max_examples=examples))


def offered(feature: str) -> Callable[[Rule], Rule]:
    """Leave a rule out where the backend doesn't declare the feature."""
    return precondition(lambda machine: machine.harness.offers(feature))


class BackendModel(RuleBasedStateMachine):
    """One consumer at a time, two queues, a few ids, and everything that can be done with them but waiting.

    A consumer dies when another one takes over from it: no lease runs out.
    """

    def __init__(self, dsn: str) -> None:
        super().__init__()
        self.harness = Harness(dsn, lease=LATER)
        self.backend = self.harness.backend
        self.lines = [Line(self.harness.queue), Line(self.harness.new_queue())]
        self.generation = 0
        self.consumer = self._new_consumer()
        self.burials = 0

    @rule(queue=_queues, ids=st.lists(_ids, min_size=1, max_size=8), body=_bodies, priority=_priorities, later=_rarely)
    def push(self, queue: int, ids: list[str], body: bytes, priority: int, later: bool) -> None:
        line = self.lines[queue]
        if not self.harness.offers(UNIQUE):
            # What comes of an id that is there already is not for this model to say.
            ids = [id for id in dict.fromkeys(ids) if id not in line.messages and id not in line.dead]
        messages = [self._message(id, body, priority, later) for id in ids]
        self.backend.push(line.name, messages)
        for message in messages:
            if message.id not in line.messages:
                line.add(message)

    @rule(limit=st.integers(1, 5))
    def reserve(self, limit: int) -> None:
        expected = [(line.name, line.order_of(id)) for line in self.lines for id in line.ready()]
        found = [(self._line(delivery), delivery) for delivery in self.consumer.reserve(limit, 0.0)]
        # Compared by their order, not their ids: those requeued in one call have none among themselves.
        orders = [(line.name, line.order_of(delivery.id)) for line, delivery in found]
        if self.harness.offers(ORDER):
            assert orders == expected[: len(found)]
        else:
            # Counted: those requeued in one call have the same order.
            assert Counter(orders) <= Counter(expected)
        assert bool(expected) <= len(found) <= limit
        assert len(found) == 1 or all(delivery.deliveries == 1 for _, delivery in found)
        for line, delivery in found:
            self._take(line, delivery, "ready")

    @precondition(lambda self: self.held())
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.held()), min_size=1, unique_by=lambda each: each[:2]))
        settlements = [self._settlement(delivery, data) for delivery in chosen]
        self.burials += 1
        assert self.consumer.settle(settlements) == []
        for settlement in settlements:
            self._note(settlement)
        gone = [settlement for settlement in settlements if isinstance(settlement, Ack | Bury)]
        assert self.consumer.settle(gone) == [settlement.delivery for settlement in gone]

    @offered(CANCEL)
    @rule(queue=_queues, id=_ids)
    def cancel(self, queue: int, id: str) -> None:
        line = self.lines[queue]
        if id not in line.messages and not self.harness.offers(FIND):
            return
        canceled = self.backend.cancel(line.name, id)
        if id not in line.having("ready", "delayed"):
            assert canceled is None
            return
        known = line.end(id)
        assert canceled is not None
        assert canceled[:3] == (id, known.body, known.priority)
        assert _is_later(canceled.delay) == (known.state == "delayed")

    @offered(PEEK)
    @rule(queue=_queues, id=_ids)
    def peek(self, queue: int, id: str) -> None:
        known = self.lines[queue].messages.get(id)
        if known is None and not self.harness.offers(FIND):
            return
        entry = self.backend.peek(self.lines[queue].name, id)
        assert (entry is None) == (known is None)
        if entry is None or known is None:
            return
        assert entry == Entry(id, known.body, known.state, known.priority, known.deliveries, entry.ready_in)
        assert _is_later(entry.ready_in) == (known.state == "delayed")

    @offered(GET)
    @rule(queue=_queues, id=_ids)
    def get(self, queue: int, id: str) -> None:
        line = self.lines[queue]
        delivery = self.consumer.get(line.name, id)
        assert (delivery is not None) == (id in line.having("ready", "delayed"))
        if delivery is not None:
            self._take(line, delivery, line.messages[id].state)

    @offered(STOP)
    @rule(queue=_queues, id=_ids)
    def stop(self, queue: int, id: str) -> None:
        line = self.lines[queue]
        assert self.backend.stop(line.name, id) == (id in line.held)
        line.stops |= {id} & line.held.keys()

    @offered(STOP)
    @rule()
    def hear_of_stops(self) -> None:
        assert sorted(self.consumer.stops()) == sorted(
            id for line in self.lines for id in line.stops & line.held.keys()
        )
        for line in self.lines:
            line.stops -= line.held.keys()

    @offered(TAKE_OVER)
    @rule(data=st.data())
    def take_over(self, data: st.DataObject) -> None:
        """Let another consumer take over, and let the one that it takes over from try to go on."""
        stale, lost, name = self.consumer, self.held(), self._holder()
        holding = [line.name for line in self.lines if line.held]
        assert self.backend.holders([line.name for line in self.lines]) == ([name] if holding else [])
        self.consumer = self._new_consumer()
        taken = self.consumer.take_over(name)
        assert sorted(map(_apart_from_its_token, taken)) == sorted(map(_apart_from_its_token, lost))
        for delivery in taken:
            self._line(delivery).held[delivery.id] = delivery
        if data.draw(st.booleans()):
            assert stale.settle([Ack(delivery) for delivery in lost]) == lost
        else:
            lost_ids = sorted((delivery.queue, delivery.id) for delivery in lost)
            assert sorted((delivery.queue, delivery.id) for delivery in stale.keep_alive()) == lost_ids
        stale.close()

    @offered(DEAD_LETTERS)
    @precondition(lambda self: self.with_dead())
    @rule(data=st.data(), ids=st.none() | st.sets(_ids), step=st.sampled_from(["list", "requeue", "purge"]))
    def look_after_the_dead(self, data: st.DataObject, ids: Collection[str] | None, step: str) -> None:
        line = data.draw(st.sampled_from(self.with_dead()))
        chosen = [id for id in line.dead if ids is None or id in ids]
        if step == "list":
            self._list_dead(line, ids, chosen, limit=data.draw(st.integers(1, 9)), offset=data.draw(st.integers(0, 2)))
        elif step == "requeue":
            self._requeue(line, ids, [id for id in chosen if id not in line.messages])
        else:
            assert self.backend.purge_dead(line.name, ids) == len(chosen)
            for id in chosen:
                del line.dead[id]

    @rule(queue=_queues, step=st.sampled_from(["purge", "change consumers", "reopen"]))
    def keep_house(self, queue: int, step: str) -> None:
        """Do what would undo too much if it came as often as the rest."""
        if step == "reopen":
            self.backend.close()
        elif step == "change consumers":
            self._change_consumers()
        elif self.harness.offers(PURGE):
            self._purge(self.lines[queue])

    @invariant()
    def sizes_agree(self) -> None:
        if self.harness.offers(EXACT_SIZE):
            for line in self.lines:
                assert self.backend.size(line.name) == line.size()

    @invariant()
    def dead_letters_agree(self) -> None:
        for line in self.with_dead():
            self._list_dead(line, None, list(line.dead), limit=100, offset=0)

    def held(self) -> list[Delivery]:
        """Return what the consumer holds."""
        return [delivery for line in self.lines for delivery in line.held.values()]

    def with_dead(self) -> list[Line]:
        """Return the lines that have dead letters."""
        return [line for line in self.lines if line.dead]

    def teardown(self) -> None:
        """Leave nothing behind in the store."""
        self.harness.close()

    def _list_dead(
        self, line: Line, ids: Collection[str] | None, chosen: list[str], *, limit: int, offset: int
    ) -> None:
        letters = self.backend.dead(line.name, ids, limit, offset)
        expected = sorted((line.dead[id].place for id in chosen), reverse=True)
        # By their order again: those buried in one call have none.
        assert [line.dead[letter.id].place for letter in letters] == expected[offset : offset + limit]
        assert all(letter.body == line.dead[letter.id].body for letter in letters)

    def _requeue(self, line: Line, ids: Collection[str] | None, movable: list[str]) -> None:
        assert sorted(self.backend.requeue(line.name, ids)) == sorted(movable)
        line.places += 1
        for id in movable:
            line.messages[id] = replace(line.dead.pop(id), place=line.places, deliveries=1)

    def _purge(self, line: Line) -> None:
        waiting = line.having("ready", "delayed")
        assert self.backend.purge(line.name) == len(waiting)
        for id in waiting:
            line.end(id)

    def _change_consumers(self) -> None:
        """Close the consumer, which gives everything back, and go on with another one."""
        early = [delivery for delivery in self.held() if delivery.id in self._line(delivery).early]
        assert self.consumer.settle([Ack(delivery) for delivery in early]) == []
        for delivery in early:
            self._note(Ack(delivery))
        self.consumer.close()
        for line in self.lines:
            for id in line.held:
                line.mark(id, "ready")
            line.held.clear()
        self.consumer = self._new_consumer()

    def _new_consumer(self) -> Consumer:
        self.generation += 1
        return self.harness.consumer(*(line.name for line in self.lines), lease=LATER, holder=self._holder())

    def _holder(self) -> str:
        return f"{self.lines[0].name}/{self.generation}"

    def _message(self, id: str, body: bytes, priority: int, is_later: bool) -> Message:
        delay = LATER if is_later and self.harness.offers(DELAY) else 0.0
        return Message(id, body, priority if self.harness.offers(PRIORITY) else DEFAULT_PRIORITY, delay)

    def _line(self, delivery: Delivery) -> Line:
        return next(line for line in self.lines if line.name == delivery.queue)

    def _take(self, line: Line, delivery: Delivery, state: State) -> None:
        known = line.messages[delivery.id]
        assert (delivery.body, delivery.priority) == (known.body, known.priority)
        assert delivery.deliveries == known.deliveries
        assert known.state == state
        if state == "delayed":
            line.early.add(delivery.id)
        line.held[delivery.id] = delivery
        line.mark(delivery.id, "reserved")

    def _settlement(self, delivery: Delivery, data: st.DataObject) -> Settlement:
        kind = data.draw(st.sampled_from([Ack, Release, Replace, Bury]))
        body, is_later = data.draw(_bodies), data.draw(_rarely)
        again = self._message(delivery.id, body, data.draw(_priorities), is_later)
        if kind is Release and (again.delay or delivery.id not in self._line(delivery).early):
            return Release(delivery, again.delay, data.draw(_rarely) and self.harness.offers(TAKE_OVER))
        if kind is Replace:
            return Replace(delivery, again)
        return Bury(delivery, "why", body if is_later else None) if kind is Bury else Ack(delivery)

    def _note(self, settlement: Settlement) -> None:
        line, id = self._line(settlement.delivery), settlement.delivery.id
        del line.held[id]
        line.early.discard(id)
        if isinstance(settlement, Release):
            line.mark(id, "delayed" if settlement.delay else "ready")
            line.messages[id] = replace(line.messages[id], deliveries=line.messages[id].deliveries + settlement.died)
            return
        known = line.end(id)
        if isinstance(settlement, Replace):
            line.add(settlement.message)
        elif isinstance(settlement, Bury) and self.harness.offers(DEAD_LETTERS):
            body = known.body if settlement.body is None else settlement.body
            line.dead[id] = replace(known, body=body, place=self.burials, state="ready")


def _apart_from_its_token(delivery: Delivery) -> tuple[object, ...]:
    return delivery[:-1]


def _is_later(seconds: float) -> bool:
    return LATER - 600.0 < seconds <= LATER
