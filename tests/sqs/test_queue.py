"""What is SQS's own: tens, receipts, long delays, priorities by queue, FIFO groups, redrive policies."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from alligator_sqs.backend import SqsBackend
from alligator_sqs.envelope import Envelope, opened, sealed
from alligator_sqs.hold import Hold

from alligator_core.backend import Ack, Bury, Delivery, Message, Release, Replace
from alligator_core.errors import BackendUnavailable, PushError, UnsupportedFeature
from tests.sqs.helpers import dsn_of, ids_of, messages, numbered, take_all
from tests.sqs.helpers import opened as backend_of
from tests.sqs.servers import PATIENCE, Ministack, until
from tests.sqs.stub import Answer, Stub


@pytest.fixture
def backend(ministack: Ministack) -> Iterator[SqsBackend]:
    with backend_of(ministack.dsn()) as backend:
        yield backend


def _hold(delivery: Delivery) -> Hold:
    assert isinstance(delivery.token, Hold)
    return delivery.token


# Requests


def test_a_thousand_tasks_take_no_more_than_310_requests(stub: Stub, queue: str) -> None:
    with backend_of(dsn_of(stub.endpoint, "create=yes")) as backend:
        backend.push(queue, numbered(1000))
        assert len(take_all(backend.consumer([queue], 30.0))) == 1000
    assert stub.counts.total() <= 310 + 4  # those that find the queues, once


def test_a_waiting_consumer_asks_once_per_poll(stub: Stub, queue: str) -> None:
    with backend_of(dsn_of(stub.endpoint, "create=yes")) as backend:
        consumer = backend.consumer([queue], 30.0)
        assert consumer.reserve(10, 0.1) == []
        before = stub.counts["ReceiveMessage"]
        for _ in range(20):
            assert consumer.reserve(10, 0.1) == []
        assert stub.counts["ReceiveMessage"] - before <= 3
        consumer.close()


def test_large_messages_share_a_request_as_far_as_they_fit(stub: Stub, queue: str) -> None:
    with backend_of(dsn_of(stub.endpoint, "create=yes")) as backend:
        backend.push(queue, [Message(f"{n}", b"x" * 100_000) for n in range(6)])
        assert stub.counts["SendMessageBatch"] == 3
        assert len(take_all(backend.consumer([queue], 30.0))) == 6


def test_of_a_batch_that_failed_in_part_only_the_failed_messages_are_refused(stub: Stub, queue: str) -> None:
    with backend_of(dsn_of(stub.endpoint, "create=yes")) as backend:
        backend.push(queue, messages("first"))
        taken = [{"Id": f"{n}", "MessageId": "m", "MD5OfMessageBody": "x"} for n in (0, 2)]
        failed = [{"Id": "1", "Code": "InvalidMessageContents", "Message": "no", "SenderFault": True}]
        stub.rule = lambda action, _: (200, {"Successful": taken, "Failed": failed}) if "Send" in action else None
        with pytest.raises(PushError, match="InvalidMessageContents") as caught:
            backend.push(queue, messages("a", "b", "c"))
    assert list(caught.value.refused) == ["b"]


def test_an_entry_that_failed_by_no_fault_of_ours_is_tried_again(stub: Stub, queue: str) -> None:
    with backend_of(dsn_of(stub.endpoint, "create=yes")) as backend:
        backend.push(queue, messages("first"))
        tries = iter(range(1))

        def rule(action: str, request: dict[str, object]) -> Answer | None:
            if action != "DeleteMessageBatch" or next(tries, None) is None:
                return None
            return 200, {"Successful": [], "Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}

        stub.rule = rule
        assert ids_of(take_all(backend.consumer([queue], 30.0))) == ["first"]
        assert stub.counts["DeleteMessageBatch"] == 2
        assert backend.size(queue)[:3] == (0, 0, 0)


# Holding


def test_a_settlement_after_the_lease_is_stale_without_a_word_to_sqs(stub: Stub, queue: str) -> None:
    with backend_of(dsn_of(stub.endpoint, "create=yes")) as backend:
        backend.push(queue, messages("a"))
        consumer = backend.consumer([queue], 30.0)
        held = consumer.reserve(1, 0.0)
        _hold(held[0]).until = time.monotonic()
        assert consumer.settle([Ack(held[0])]) == held
        assert stub.counts["DeleteMessageBatch"] == 0


def test_where_the_lease_is_nearly_over_it_is_extended_before_anything_depends_on_it(stub: Stub, queue: str) -> None:
    with backend_of(dsn_of(stub.endpoint, "create=yes")) as backend:
        backend.push(queue, messages("a"))
        consumer = backend.consumer([queue], 30.0)
        held = consumer.reserve(1, 0.0)
        _hold(held[0]).until = time.monotonic() + 2.0
        failed = [{"Id": "0", "Code": "ReceiptHandleIsInvalid", "Message": "no", "SenderFault": True}]
        stub.rule = lambda action, _: (200, {"Failed": failed}) if action.startswith("Change") else None
        assert consumer.settle([Ack(held[0])]) == held
        assert stub.counts["DeleteMessageBatch"] == 0


def test_a_message_may_be_held_for_twelve_hours_and_not_longer(
    backend: SqsBackend, queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(1, 0.0)
    _hold(held[0]).latest = time.monotonic() + 10.0
    assert consumer.keep_alive() == []
    assert "12 hours" in caplog.text
    _hold(held[0]).latest = _hold(held[0]).until = time.monotonic()
    assert consumer.keep_alive() == held


def test_a_poll_that_outlives_its_consumer_gives_back_what_it_got(backend: SqsBackend, queue: str) -> None:
    consumer = backend.consumer([queue], 30.0)
    assert consumer.reserve(1, 0.1) == []
    consumer.close()
    backend.push(queue, messages("a"))
    assert [(each.id, each.deliveries) for each in backend.consumer([queue], 30.0).reserve(1, PATIENCE)] == [("a", 1)]


# Delays


def test_a_delay_above_900_seconds_goes_in_stages_that_are_no_tries(backend: SqsBackend, queue: str) -> None:
    lane = backend._names.lane(queue)
    entry = backend._posting.entry(lane, Envelope("a", b"x"), 5000.0)
    assert entry["DelaySeconds"] == 900
    del entry["DelaySeconds"]  # as if they were over
    assert backend._batches.send(lane, [entry], in_order=False) == [None]
    consumer = backend.consumer([queue], 30.0)
    assert consumer.reserve(10, 0.0) == []
    assert backend.size(queue)[:3] == (0, 0, 1)


def test_a_delay_that_is_over_ends_with_a_delivery_that_counts_no_stage(backend: SqsBackend, queue: str) -> None:
    lane = backend._names.lane(queue)
    entry = {"MessageBody": sealed(Envelope("a", b"x", delay=4.0), 1000)}
    assert backend._batches.send(lane, [entry], in_order=False) == [None]
    consumer = backend.consumer([queue], 30.0)
    assert consumer.reserve(1, 0.0) == []
    [found] = consumer.reserve(1, PATIENCE)
    assert (found.id, found.deliveries, _hold(found).receives) == ("a", 1, 2)


# Priorities


def test_a_priority_is_refused_with_the_option_that_makes_it_possible(backend: SqsBackend, queue: str) -> None:
    with pytest.raises(UnsupportedFeature, match="priorities=2"):
        backend.push(queue, [Message("a", b"", 9)])


def test_with_priorities_the_urgent_come_first_and_keep_their_number(ministack: Ministack, queue: str) -> None:
    with backend_of(ministack.dsn("priorities=2")) as backend:
        backend.push(queue, [Message("late", b"", 1), Message("soon", b"", 7), Message("usual", b"")])
        found = take_all(backend.consumer([queue], 30.0))
        assert ids_of(found)[-1] == "late"
        assert {each.id: each.priority for each in found} == {"late": 1, "soon": 7, "usual": 5}
        assert backend.size(queue)[:3] == (0, 0, 0)


# FIFO


@pytest.fixture
def fifo(ministack: Ministack) -> Iterator[SqsBackend]:
    with backend_of(ministack.dsn("fifo=yes", "group=prefix")) as backend:
        yield backend


def test_a_retry_keeps_its_place_in_its_group(fifo: SqsBackend, queue: str) -> None:
    fifo.push(queue, messages("g:1", "g:2", "g:3"))
    consumer = fifo.consumer([queue], 30.0)
    ran = []
    for turn in range(4):
        [held] = consumer.reserve(10, PATIENCE)
        ran.append((held.id, held.body, held.deliveries))
        retry = Replace(held, Message(held.id, b"again"))
        assert consumer.settle([retry if turn == 0 else Ack(held)]) == []
    assert ran == [
        ("g:1", b"body of g:1", 1),
        ("g:1", b"again", 1),
        ("g:2", b"body of g:2", 1),
        ("g:3", b"body of g:3", 1),
    ]


def test_a_delayed_retry_holds_its_group_up_and_no_other_one(fifo: SqsBackend, queue: str) -> None:
    fifo.push(queue, messages("g:1", "g:2", "h:1"))
    consumer = fifo.consumer([queue], 30.0)
    [first] = consumer.reserve(1, PATIENCE)
    assert consumer.settle([Replace(first, Message("g:1", b"again", delay=4.0))]) == []
    found: list[str] = []
    while len(found) < 3:
        batch = consumer.reserve(10, PATIENCE)
        found += ids_of(batch)
        assert consumer.settle([Ack(each) for each in batch]) == []
    assert found == ["h:1", "g:1", "g:2"]


def test_groups_do_not_wait_for_each_other(fifo: SqsBackend, queue: str) -> None:
    fifo.push(queue, messages("g:1", "g:2", "h:1"))
    first, second = fifo.consumer([queue], 30.0), fifo.consumer([queue], 30.0)
    assert ids_of(first.reserve(1, PATIENCE)) == ["g:1"]
    assert ids_of(second.reserve(1, PATIENCE)) == ["h:1"]


def test_of_the_same_id_within_five_minutes_a_fifo_queue_takes_one_where_it_is_told_so(
    ministack: Ministack, queue: str
) -> None:
    with backend_of(ministack.dsn("fifo=yes", "dedup=id", "group=task")) as backend:
        for _ in range(2):
            backend.push(queue, messages("a"))
        assert ids_of(take_all(backend.consumer([queue], 30.0))) == ["a"]


# Dead letters


def test_dead_letters_go_where_the_redrive_policy_says_beside_those_of_sqs_itself(
    ministack: Ministack, backend: SqsBackend, queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = ministack.client()
    dead = client.create_queue(QueueName=f"{queue}-elsewhere")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    url = client.create_queue(QueueName=queue, Attributes={"RedrivePolicy": policy})["QueueUrl"]
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 30.0)
    assert consumer.settle([Bury(each, "why") for each in consumer.reserve(1, PATIENCE)]) == []
    client.send_message(QueueUrl=url, MessageBody="by hand")
    client.receive_message(QueueUrl=url, VisibilityTimeout=0)
    assert consumer.reserve(1, 0.0) == []
    assert sorted((each.body, each.reason[:4]) for each in backend.dead(queue)) == [
        (b"body of a", "why"),
        (b"by hand", "SQS "),
    ]
    assert backend.size(queue).dead == 2
    assert "a" in backend.requeue(queue)
    assert "maxReceiveCount" in caplog.text


# What is sent


@pytest.mark.parametrize(
    "body", [b"\x00", b"\xff", "\ufffe".encode(), b"", b"id=x", "Größe\r\n".encode(), "\U0001f40a".encode()]
)
def test_any_body_becomes_text_that_sqs_takes(body: bytes) -> None:
    text = sealed(Envelope("an id;with %", body, 7, 2, 90.5), 1000)
    assert opened("other", text) == Envelope("an id;with %", body, 7, 2, 90.5)
    assert not set(map(ord, text)) & {0, 0xFFFE, 0xFFFF}


@pytest.mark.parametrize("room", range(40, 75))
def test_a_reason_is_cut_to_what_fits_and_stays_legible(room: int) -> None:
    text = sealed(Envelope("a", b"x" * 10, reason="Größe 100 % \U0001f40a und mehr"), room)
    found = opened("other", text)
    assert len(text) <= room
    assert found.reason is not None
    assert "\ufffd" not in found.reason


def test_a_message_that_is_too_large_is_refused_with_its_size(ministack: Ministack, queue: str) -> None:
    with (
        backend_of(ministack.dsn("max_message=2048")) as backend,
        pytest.raises(PushError, match=r"3,00\d bytes.*2,048"),
    ):
        backend.push(queue, [Message("a", b"x" * 3000)])


def test_a_doubtful_release_is_not_sent_twice(stub: Stub, queue: str) -> None:
    with backend_of(dsn_of(stub.endpoint, "create=yes")) as backend:
        backend.push(queue, messages("a"))
        consumer = backend.consumer([queue], 30.0)
        [held] = consumer.reserve(1, 0.0)
        stub.refuse("DeleteMessageBatch", "InternalError", status=500)
        with pytest.raises(BackendUnavailable):
            consumer.settle([Release(held)])
        stub.refuse("", "")
        assert consumer.settle([Release(held)]) == []
        until(lambda: backend.size(queue)[:3] == (1, 0, 0))
