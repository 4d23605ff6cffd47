"""The other side of each feature: how a backend that doesn't declare it must refuse it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Final

import pytest

from ... import backend as names
from ...backend import Message
from ...errors import BackendError, UnsupportedFeature
from ..forking import in_forked_child
from ..harness import Harness, until
from ..spawning import spawned


def refuses_delay(harness: Harness) -> None:
    """A delayed message is not taken, rather than run too early."""
    _is_refused(names.DELAY, lambda: harness.push("a", delay=60.0))
    assert harness.left() == []


def refuses_priority(harness: Harness) -> None:
    """A message with a priority of its own is not taken, rather than run out of order."""
    _is_refused(names.PRIORITY, lambda: harness.push("a", priority=9))
    assert harness.left() == []


def refuses_cancel(harness: Harness) -> None:
    """`cancel` raises, and takes nothing off."""
    harness.push("a")
    _is_refused(names.CANCEL, lambda: harness.backend.cancel(harness.queue, "a"))
    assert harness.left() == ["a"]


def refuses_peek(harness: Harness) -> None:
    """`peek` raises."""
    harness.push("a")
    _is_refused(names.PEEK, lambda: harness.backend.peek(harness.queue, "a"))


def refuses_get(harness: Harness) -> None:
    """`get` raises, and takes nothing."""
    harness.push("a")
    _is_refused(names.GET, lambda: harness.consumer().get(harness.queue, "a"))
    assert harness.left() == ["a"]


def refuses_purge(harness: Harness) -> None:
    """`purge` raises, and removes nothing."""
    harness.push("a")
    _is_refused(names.PURGE, lambda: harness.backend.purge(harness.queue))
    assert harness.left() == ["a"]


def refuses_dead_letters(harness: Harness) -> None:
    """The calls for dead letters raise."""
    _is_refused(names.DEAD_LETTERS, lambda: harness.backend.dead(harness.queue))
    _is_refused(names.DEAD_LETTERS, lambda: harness.backend.requeue(harness.queue))
    _is_refused(names.DEAD_LETTERS, lambda: harness.backend.purge_dead(harness.queue))


def refuses_take_over(harness: Harness) -> None:
    """The calls about holders raise; a consumer is made for one all the same, and its messages stay with it."""
    harness.push("a")
    consumer = harness.consumer(holder="somebody")
    held = harness.collect(consumer, 1)
    _is_refused(names.TAKE_OVER, lambda: harness.consumer().take_over("somebody"))
    _is_refused(names.TAKE_OVER, lambda: harness.backend.holders([harness.queue]))
    _is_refused(names.TAKE_OVER, lambda: harness.backend.keep_alive([harness.queue], "somebody", 60.0))
    assert harness.ack_all(consumer, held) == []


def refuses_stop(harness: Harness) -> None:
    """The calls about stops raise."""
    harness.push("a")
    consumer = harness.consumer()
    held = harness.collect(consumer, 1)
    _is_refused(names.STOP, lambda: harness.backend.stop(harness.queue, "a"))
    _is_refused(names.STOP, consumer.stops)
    assert harness.ack_all(consumer, held) == []


def refuses_transactions(harness: Harness) -> None:
    """`using` raises, whatever it is given."""
    _is_refused(names.TRANSACTIONS, lambda: harness.backend.using(object()))


def admits_estimates(harness: Harness) -> None:
    """A size that may be wrong says so."""
    harness.push("a")
    assert not harness.backend.size(harness.queue).exact


def refuses_children(harness: Harness) -> None:
    """A forked child can't push into a copy of the store, where nobody would find it."""
    harness.push("a")

    def push() -> str:
        with pytest.raises(BackendError):
            harness.push("b")
        return "refused"

    assert in_forked_child(push) == "refused"
    assert harness.left() == ["a"]


def keeps_while_in_use(harness: Harness) -> None:
    """A store that isn't durable keeps its messages for as long as its process uses it."""
    harness.push("a")
    harness.backend.close()
    assert harness.left() == ["a"]


def queues_again(harness: Harness) -> None:
    """A message that is pushed again is there at least once, and nothing stands in the way of the next one."""
    harness.push("a")
    harness.push("a")
    harness.push("b")
    assert set(harness.left()) == {"a", "b"}


def refuses_to_find(harness: Harness) -> None:
    """A message that another one pushed can't be canceled or looked at, rather than said not to be there."""
    harness.open().push(harness.queue, [Message("a", b"")])
    if harness.offers(names.CANCEL):
        _is_refused(names.FIND, lambda: harness.backend.cancel(harness.queue, "a"))
    if harness.offers(names.PEEK):
        _is_refused(names.FIND, lambda: harness.backend.peek(harness.queue, "a"))
    assert harness.left() == ["a"]


def keeps_what_is_due(harness: Harness) -> None:
    """A message that becomes due is there, at whatever place."""
    harness.push("due", delay=1.0)
    harness.push("other")
    consumer = harness.consumer()
    assert {delivery.id for delivery in harness.collect(consumer, 2)} == {"due", "other"}


def keeps_for_the_frozen(harness: Harness) -> None:
    """What a process holds that stands still comes back when it ends, if not before."""
    harness.push("a")
    with spawned(harness, "hold", count=1) as holder:
        until(lambda: holder.said == ["a"])
        holder.send_signal(signal.SIGSTOP)
        holder.send_signal(signal.SIGKILL)
        assert [delivery.id for delivery in harness.collect(harness.consumer(), 1)] == ["a"]


def keeps_out_of_order(harness: Harness) -> None:
    """Whatever the order, each message comes, and once."""
    ids = [f"{number}" for number in range(30)]
    harness.push(*ids)
    assert sorted(harness.collect_ids(count=30)) == sorted(ids)
    assert harness.left() == []


def counts_at_least_the_deaths(harness: Harness) -> None:
    """What was given back comes again, whatever is counted, and no death goes unnoticed."""
    harness.push("a")
    consumer = harness.consumer()
    harness.collect(consumer, 1)
    consumer.close()
    harness.collect(harness.consumer(lease=harness.lease), 1)
    assert [each.deliveries > 1 for each in harness.collect(harness.consumer(), 1)] == [True]


REFUSALS: Final[dict[str, Callable[[Harness], None]]] = {
    names.DELAY: refuses_delay,
    names.PRIORITY: refuses_priority,
    names.CANCEL: refuses_cancel,
    names.PEEK: refuses_peek,
    names.GET: refuses_get,
    names.PURGE: refuses_purge,
    names.DEAD_LETTERS: refuses_dead_letters,
    names.TAKE_OVER: refuses_take_over,
    names.STOP: refuses_stop,
    names.UNIQUE: queues_again,
    names.FIND: refuses_to_find,
    names.DUE_ORDER: keeps_what_is_due,
    names.FROZEN: keeps_for_the_frozen,
    names.ORDER: keeps_out_of_order,
    names.EXACT_DEATHS: counts_at_least_the_deaths,
    names.TRANSACTIONS: refuses_transactions,
    names.EXACT_SIZE: admits_estimates,
    names.SHARED: refuses_children,
    names.DURABLE: keeps_while_in_use,
}
"""What to try instead of a test whose feature isn't declared."""


def _is_refused(feature: str, call: Callable[[], object]) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        call()
    assert caught.value.feature == feature
