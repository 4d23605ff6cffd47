from __future__ import annotations

from typing import Literal

import pytest

from alligator import Gator
from alligator_core.backend import DELAY, Ack, Bury, Delivery, Limits, Release, Replace
from alligator_core.outcome import SUCCEEDED, Outcome
from alligator_core.settling import MAX_REASON, reason_of, settlement_of, storable

from . import jobs
from .backends import WatchedBackend


@pytest.fixture
def delivery(gator: Gator) -> Delivery:
    task = gator.options(retries=3, priority=7, task_id="mine").task(jobs.note, [1])
    return Delivery("all", "mine", gator.codec.encode(task), priority=7, token="t")


def settle(gator: Gator, delivery: Delivery, outcome: Outcome) -> object:
    return settlement_of(gator.codec, gator.codec.decode(delivery.body, "all"), outcome, delivery)


@pytest.mark.parametrize("outcome", [SUCCEEDED, Outcome("discard", reason="old")])
def test_what_is_done_or_dropped_is_acked(gator: Gator, delivery: Delivery, outcome: Outcome) -> None:
    assert settle(gator, delivery, outcome) == Ack(delivery)


def test_what_is_put_off_is_released_unchanged(gator: Gator, delivery: Delivery) -> None:
    assert settle(gator, delivery, Outcome("defer", delay=5.0)) == Release(delivery, 5.0)


def test_a_retry_replaces_the_message_by_one_of_the_same_id_and_priority(gator: Gator, delivery: Delivery) -> None:
    replaced = settle(gator, delivery, Outcome("retry", ValueError(), delay=5.0))
    assert isinstance(replaced, Replace)
    assert replaced.delivery is delivery
    assert (replaced.message.id, replaced.message.priority, replaced.message.delay) == ("mine", 7, 5.0)
    assert gator.codec.read(replaced.message.body, "all").attempt == 2


def test_what_failed_for_good_is_buried_as_a_first_attempt(gator: Gator, delivery: Delivery) -> None:
    fourth = gator.codec.again(delivery.body, "all", attempt=4, headers={})
    buried = settle(gator, delivery._replace(body=fourth), Outcome("dead"))
    assert isinstance(buried, Bury)
    assert buried.body
    assert gator.codec.read(buried.body, "all").attempt == 1


def test_headers_that_hooks_changed_in_the_worker_travel_with_the_retry(gator: Gator, delivery: Delivery) -> None:
    task = gator.codec.decode(delivery.body, "all")
    task.headers["seen"] = "1"
    replaced = settlement_of(gator.codec, task, Outcome("retry", ValueError()), delivery)
    assert isinstance(replaced, Replace)
    assert gator.codec.read(replaced.message.body, "all").headers == {"seen": "1"}


def test_a_retry_that_cannot_be_encoded_is_buried_as_it_came(gator: Gator, delivery: Delivery) -> None:
    task = gator.codec.decode(delivery.body, "all")
    task.headers["bad"] = 5  # type: ignore[assignment]
    buried = settlement_of(gator.codec, task, Outcome("retry", ValueError()), delivery)
    assert isinstance(buried, Bury)
    assert buried.body is None
    assert "can't be put back for another attempt" in buried.reason
    assert "headers" in buried.reason


def test_a_reason_begins_with_a_line_for_the_eye(gator: Gator, delivery: Delivery) -> None:
    task = gator.codec.decode(delivery.body, "all")
    assert reason_of(task, Outcome("dead", ValueError("x"))).startswith("ValueError: x (attempt 1 of 4)\n\n")
    assert reason_of(task, Outcome("dead", reason="enough")) == "enough (attempt 1 of 4)"
    assert reason_of(task, Outcome("dead")) == "unknown (attempt 1 of 4)"


def test_an_error_that_cannot_be_shown_has_a_reason_all_the_same(gator: Gator, delivery: Delivery) -> None:
    task = gator.codec.decode(delivery.body, "all")
    odd = SyntaxError("x", ("file", 3, "offset", 5))
    assert reason_of(task, Outcome("dead", odd)) == "SyntaxError, which can't be shown (attempt 1 of 4)"


def test_a_reason_has_an_end(gator: Gator, delivery: Delivery) -> None:
    task = gator.codec.decode(delivery.body, "all")
    reason = reason_of(task, Outcome("dead", ValueError("é" * 100_000)))
    assert len(reason) < MAX_REASON + 1200


def test_no_reason_holds_what_a_store_could_not_keep() -> None:
    assert storable("caf\udce9") == "caf\\udce9"
    assert storable("é") == "é"
    assert len(storable("x" * 1_000_000)) < 20_000


@pytest.mark.parametrize("kind", ["retry", "defer"])
def test_a_delay_that_the_backend_cannot_hold_is_none_and_is_logged(
    kind: Literal["retry", "defer"], caplog: pytest.LogCaptureFixture
) -> None:
    gator = Gator("watched://", backend_class=WatchedBackend)
    gator.backend.features -= {DELAY}
    task = gator.task(jobs.note, 1)
    delivery = Delivery("all", task.task_id, gator.codec.encode(task))
    settled = settle(gator, delivery, Outcome(kind, ValueError(), delay=5.0))
    assert (settled.message if isinstance(settled, Replace) else settled).delay == 0  # type: ignore[union-attr, attr-defined]
    assert "runs again in 0 s, not in 5: the watched backend holds no more" in caplog.text


def test_a_retry_that_headers_made_too_large_is_buried_as_it_came(gator: Gator, delivery: Delivery) -> None:
    gator.backend.limits = Limits(max_body=1000)
    task = gator.codec.decode(delivery.body, "all")
    task.headers["long"] = "x" * 1000
    buried = settlement_of(gator.codec, task, Outcome("retry", ValueError()), delivery)
    assert isinstance(buried, Bury)
    assert buried.body is None
    assert "above the 1,000" in buried.reason
