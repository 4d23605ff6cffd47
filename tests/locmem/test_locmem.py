"""What only `locmem://` has: named stores, and the one process that they live in."""

from __future__ import annotations

import pytest

from alligator_core.backend import Backend, Message
from alligator_core.dsn import Dsn
from alligator_core.errors import DsnError
from alligator_core.plugins import PluginManager
from alligator_core.testing.forking import in_forked_child
from alligator_core.testing.harness import in_background


def test_backends_of_one_name_share_their_queues() -> None:
    made("locmem://shared-1").push("all", [Message("a", b"body")])
    assert ids(made("locmem://shared-1")) == ["a"]


def test_backends_of_different_names_share_nothing() -> None:
    made("locmem://one-2").push("all", [Message("a", b"body")])
    assert ids(made("locmem://other-2")) == []
    assert ids(made("locmem://ONE-2")) == []


def test_backends_without_a_name_share_nothing() -> None:
    made("locmem://").push("all", [Message("a", b"body")])
    assert ids(made("locmem://")) == []


def test_a_named_store_outlives_the_backends_that_use_it() -> None:
    backend = made("locmem://outlives")
    backend.push("all", [Message("a", b"body")])
    backend.close()
    del backend
    assert ids(made("locmem://outlives")) == ["a"]


def test_a_push_wakes_a_consumer_of_another_backend_of_the_name() -> None:
    waiting = in_background(made("locmem://wakes").consumer(["all"], 30.0).reserve, 1, 20.0)
    made("locmem://wakes").push("all", [Message("a", b"body")])
    assert [delivery.id for delivery in waiting.result(40.0)] == ["a"]


@pytest.mark.parametrize("dsn", ["locmem://a/b", "locmem:///a", "locmem://a:1", "locmem://a,b", "locmem://u:p@a"])
def test_a_dsn_that_says_more_than_a_name_is_refused(dsn: str) -> None:
    with pytest.raises(DsnError, match=r"locmem://name"):
        made(dsn)


@pytest.mark.parametrize(
    "use",
    [
        lambda backend: backend.push("all", [Message("b", b"")]),
        lambda backend: backend.size("all"),
        lambda backend: backend.ping(),
        lambda backend: backend.cancel("all", "a"),
        lambda backend: backend.consumer(["all"], 30.0).reserve(1, 0.0),
        lambda backend: made("locmem://forked").push("all", []),
    ],
)
def test_a_forked_child_is_told_that_the_tasks_are_its_parents(use: object) -> None:
    backend = made("locmem://forked")
    assert "one process only" in in_forked_child(lambda: use(backend))  # type: ignore[operator]


def test_a_forked_child_may_clean_up_what_it_inherited() -> None:
    backend = made("locmem://")
    backend.push("all", [Message("a", b"body")])
    consumer = backend.consumer(["all"], 30.0)
    assert len(consumer.reserve(1, 0.0)) == 1
    assert in_forked_child(lambda: (consumer.close(), backend.close())) == "(None, None)"
    assert backend.size("all").reserved == 1


def test_a_forked_child_may_have_a_store_of_its_own() -> None:
    def use() -> list[str]:
        backend = made("locmem://")
        backend.push("all", [Message("a", b"body")])
        return ids(backend)

    assert in_forked_child(use) == "['a']"


def test_thousands_of_canceled_messages_leave_the_order_as_it_was() -> None:
    backend = made("locmem://")
    backend.push("all", [Message(f"{number}", b"") for number in range(5000)])
    for number in range(5000):
        if number % 100:
            backend.cancel("all", f"{number}")
    backend.push("all", [Message("last", b"")])
    assert ids(backend) == [*(f"{number}" for number in range(0, 5000, 100)), "last"]


def test_thousands_of_canceled_delays_leave_the_others_as_they_were() -> None:
    backend = made("locmem://")
    backend.push("all", [Message(f"{number}", b"", delay=0.01 + number) for number in range(2000)])
    for number in range(1, 2000):
        backend.cancel("all", f"{number}")
    assert backend.size("all").waiting == 1
    assert [delivery.id for delivery in backend.consumer(["all"], 30.0).reserve(9, 20.0)] == ["0"]


def made(dsn: str) -> Backend:
    """Build a backend as a Gator does."""
    return PluginManager().make_backend(Dsn.parse(dsn))


def ids(backend: Backend) -> list[str]:
    """Return the ids of all that is ready."""
    return [delivery.id for delivery in backend.consumer(["all"], 30.0).reserve(1000, 0.0)]
