"""The simulation, for as many seeds as a test may take; and that it notices a store that is broken."""

from __future__ import annotations

from typing import Any

import pytest

from alligator_core.backend import Delivery
from alligator_core.locmem_lane import Agenda, Lane
from alligator_core.locmem_store import Hold, Queue, Store
from tests.chaos.ledger import Violation
from tests.chaos.simulate import simulate


@pytest.mark.parametrize("hundred", range(0, 1000, 100))
def test_locmem_keeps_its_promises_whatever_the_order_of_calls(hundred: int) -> None:
    for seed in range(hundred, hundred + 100):
        simulate("locmem", seed)


@pytest.mark.parametrize("seed", range(0, 60, 10))
def test_sqlite_keeps_its_promises_whatever_the_order_of_calls(seed: int) -> None:
    for each in range(seed, seed + 10):
        simulate("sqlite", each)


def test_a_seed_gives_the_same_run_each_time() -> None:
    assert simulate("locmem", 3).trace == simulate("locmem", 3).trace


def test_a_store_without_a_fence_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    give_back = Store.give_back

    def keep_too(store: Store, hold: Hold, now: float, **options: Any) -> None:
        held = dict(hold.held)
        give_back(store, hold, now, **options)
        hold.held.update(held)

    monkeypatch.setattr(Store, "give_back", keep_too)
    assert found_out()


def test_a_store_that_counts_no_deaths_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    put_back = Queue.put_back

    def uncounted(queue: Queue, delivery: Delivery, now: float, *, delay: float = 0.0, deaths: int = 0) -> None:
        put_back(queue, delivery, now, delay=delay)

    monkeypatch.setattr(Queue, "put_back", uncounted)
    assert found_out()


def test_a_store_that_promotes_twice_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    pop = Agenda.pop

    def pop_and_keep(agenda: Agenda) -> Delivery:
        delivery = pop(agenda)
        if delivery.body == b"x":  # once only, or it would never end
            agenda.add(0.0, delivery._replace(body=b"again"))
        return delivery

    monkeypatch.setattr(Agenda, "pop", pop_and_keep)
    assert found_out()


def test_a_store_that_loses_what_the_dead_held_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "give_back", lambda store, hold, now, **options: hold.held.clear())
    assert found_out()


def test_a_store_that_hands_out_redelivered_messages_with_others_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Lane.take

    def take_on(lane: Lane, batch: list[Delivery], limit: int) -> bool:
        take(lane, batch, limit)
        return True

    monkeypatch.setattr(Lane, "take", take_on)
    assert found_out()


def found_out() -> bool:
    """Say whether some seed shows that the store is broken."""
    for seed in range(200):
        try:
            simulate("locmem", seed)
        except Violation:
            return True
    return False
