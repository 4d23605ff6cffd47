"""The judge of the chaos runs: what it must find, and what has a cause."""

from __future__ import annotations

import pytest

from .history import EVERYONE, Event
from .verdict import Verdict, judge

PUSHED = [Event("pushing", 1, 9, 0.0), Event("pushed", 1, 9, 0.1)]


def runs(*times: float, pid: int = 7) -> list[Event]:
    return [Event(kind, 1, pid, at + more) for at in times for kind, more in (("started", 0.0), ("finished", 0.1))]


def verdict(*events: Event, copies: bool = False) -> Verdict:
    return judge(sorted([*PUSHED, *events], key=lambda event: event.at), unique=not copies, copies=copies)


def test_a_task_that_never_ran_is_lost() -> None:
    assert verdict().lost == [1]
    assert verdict(*runs(5.0)).problems == []


def test_a_second_run_needs_a_cause() -> None:
    assert verdict(*runs(5.0, 9.0)).unexplained == [1]
    assert verdict(*runs(5.0), *runs(9.0, pid=8), Event("killed", -1, 7, 5.05)).problems == []
    assert verdict(*runs(5.0), *runs(9.0, pid=8), Event("killed", -1, 6, 5.05)).unexplained == [1]


@pytest.mark.parametrize("hurt", [Event("killed", -1, 6, 2.0), Event("hurt", -1, EVERYONE, 2.0)])
def test_where_messages_are_copied_back_any_death_between_push_and_second_run_is_a_cause(hurt: Event) -> None:
    healed = Event("healed", -1, EVERYONE, 2.5)
    assert verdict(*runs(5.0, 9.0), hurt, healed).unexplained == [1]
    assert verdict(*runs(5.0, 9.0), hurt, healed, copies=True).problems == []
    assert verdict(*runs(5.0, 9.0), hurt._replace(at=20.0), copies=True).unexplained == [1]
    assert verdict(*runs(5.0, 9.0), hurt._replace(at=-2.0), healed._replace(at=-1.0), copies=True).unexplained == [1]


def test_the_store_may_have_been_out_of_reach_when_the_push_came_through() -> None:
    hurt, healed = Event("hurt", -1, EVERYONE, -1.0), Event("healed", -1, EVERYONE, 0.5)
    assert verdict(*runs(5.0, 9.0), hurt, healed, copies=True).problems == []
