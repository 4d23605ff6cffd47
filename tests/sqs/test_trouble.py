"""What fails in part, hangs, or was made by others: nothing is lost, and nothing is said that isn't so."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest
from alligator_sqs.envelope import Envelope
from alligator_sqs.memory import ROOM, Known, Memory

from alligator_core.backend import Bury, Message, Release, Replace
from alligator_core.errors import BackendError, BackendUnavailable, PushError
from tests.sqs.helpers import dsn_of, messages, new_queue
from tests.sqs.helpers import opened as backend_of
from tests.sqs.servers import PATIENCE, REGION, Ministack, Moto
from tests.sqs.stub import Answer, Stub


def test_what_was_taken_is_not_refused_where_trying_the_rest_again_fails(stub: Stub, queue: str) -> None:
    with backend_of(dsn_of(stub.endpoint, "create=yes")) as backend:
        backend.push(queue, messages("first"))
        failed = [{"Id": "1", "Code": "InternalError", "SenderFault": False}]
        busy = {"__type": "com.amazonaws.sqs#ThrottlingException", "message": "made up"}
        answers = iter([(200, {"Successful": [{"Id": "0"}, {"Id": "2"}], "Failed": failed})])
        stub.rule = lambda action, _: next(answers, (400, busy)) if "Send" in action else None
        with pytest.raises(PushError, match="Throttling") as caught:
            backend.push(queue, messages("a", "b", "c"))
    assert list(caught.value.refused) == ["b"]


def test_a_push_of_which_any_part_is_in_doubt_is_in_doubt(stub: Stub, queue: str) -> None:
    with backend_of(dsn_of(stub.endpoint, "create=yes")) as backend:
        backend.push(queue, messages("first"))

        def rule(action: str, request: dict[str, Any]) -> Answer | None:
            if action != "SendMessageBatch":
                return None
            is_first = request["Entries"][0]["MessageBody"].startswith("id=0\n")
            return (400, {"__type": "#ThrottlingException"}) if is_first else (500, {"__type": "#InternalError"})

        stub.rule = rule
        with pytest.raises(BackendUnavailable) as caught:
            backend.push(queue, [Message(f"{n}", b"") for n in range(20)])
    assert caught.value.maybe_applied


def test_an_extension_that_hangs_is_tried_again_within_the_lease(stub: Stub, queue: str) -> None:
    dsn = f"sqs://{REGION}/?endpoint={stub.endpoint}&create=yes&wait=20&timeout=5"
    with backend_of(dsn) as backend:
        backend.push(queue, messages("a"))
        consumer = backend.consumer([queue], 30.0)
        assert consumer.reserve(1, 0.0)
        hangs, is_over = iter(range(1)), Event()

        def rule(action: str, request: dict[str, Any]) -> Answer | None:
            if action.startswith("Change") and next(hangs, None) is not None:
                is_over.wait(30.0)
            return None

        stub.rule = rule
        assert consumer.keep_alive() == []
        assert stub.counts["ChangeMessageVisibilityBatch"] == 2
        is_over.set()


def test_of_several_queues_one_that_takes_nothing_back_does_not_keep_the_others_from_it(stub: Stub) -> None:
    first, second = new_queue(), new_queue()
    with backend_of(dsn_of(stub.endpoint, "create=yes")) as backend:
        consumer = backend.consumer([first, second], 30.0)
        for each in (first, second):
            backend.push(each, messages(each))
            assert consumer.reserve(1, PATIENCE)
        denied = 403, {"__type": "#AccessDenied", "message": "made up"}
        stub.rule = lambda action, request: (
            denied if action.startswith("Send") and request["QueueUrl"].endswith(first) else None
        )
        with pytest.raises(BackendError, match="denied"):
            consumer.close()
        assert backend.size(second)[:3] == (1, 0, 0)


def test_dead_letters_that_come_again_while_they_are_looked_at_are_not_looked_at_for_ever(
    stub: Stub, queue: str
) -> None:
    with backend_of(dsn_of(stub.endpoint, "create=yes")) as backend:
        backend.push(queue, messages("a"))
        backend._queues.dead(queue)
        found = [{"MessageId": f"{n}", "ReceiptHandle": f"{n}", "Body": f"id={n};reason=x\n"} for n in range(10)]
        again = iter(range(30))

        def rule(action: str, request: dict[str, Any]) -> Answer | None:
            if action == "GetQueueAttributes":
                return 200, {"Attributes": {"ApproximateNumberOfMessages": "10"}}
            if action == "ReceiveMessage":
                return 200, {"Messages": found if next(again, None) is not None else []}
            return (200, {}) if action.startswith("Change") else None

        stub.rule = rule
        assert len(backend.dead(queue)) == 10
        assert stub.counts["ReceiveMessage"] <= 3


@pytest.mark.parametrize("outcome", ["release", "retry", "bury"])
def test_what_others_sent_is_put_back_though_it_is_larger_than_what_may_be_pushed(moto: Moto, outcome: str) -> None:
    with backend_of(moto.dsn("threads=1", "max_message=20000")) as backend:
        queue = new_queue()
        client, body = moto.client(), "x" * 20_000
        url = client.create_queue(QueueName=queue)["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody=body)
        consumer = backend.consumer([queue], 30.0)
        [held] = consumer.reserve(1, PATIENCE)
        settlements = {
            "release": Release(held),
            "retry": Replace(held, Message(held.id, held.body)),
            "bury": Bury(held, "why " * 10_000),
        }
        assert consumer.settle([settlements[outcome]]) == []
        assert backend.size(queue)[:4] == ((0, 0, 0, 1) if outcome == "bury" else (1, 0, 0, 0))
        assert backend.requeue(queue) == ([held.id] if outcome == "bury" else [])


def test_a_key_that_may_not_be_used_is_named_and_not_a_right_of_sqs(stub: Stub, queue: str) -> None:
    with backend_of(dsn_of(stub.endpoint, "create=yes")) as backend:
        stub.refuse("SendMessageBatch", "KmsAccessDenied")
        with pytest.raises(BackendError, match=r"kms:Decrypt and kms:GenerateDataKey.*made up") as caught:
            backend.push(queue, messages("a"))
    assert "allow sqs:" not in str(caught.value)


def test_a_release_in_a_fifo_queue_does_not_count_deaths_that_others_told_of_once_more(ministack: Ministack) -> None:
    with backend_of(ministack.dsn("fifo=yes")) as backend:
        queue = new_queue()
        lane = backend._names.lane(queue)
        entry = backend._posting.entry(lane, Envelope("a", b"x", deaths=1))
        assert backend._batches.send(lane, [entry], in_order=True) == [None]
        consumer = backend.consumer([queue], 30.0)
        for _ in range(3):
            [held] = consumer.reserve(1, PATIENCE)
            assert held.deliveries == 2
            assert consumer.settle([Release(held)]) == []


def test_only_so_many_bytes_of_retries_are_remembered_the_latest_ones() -> None:
    memory = Memory()
    for number in range(5):
        memory.note(f"{number}", Known(1, bytes(ROOM // 3)))
        memory.note(f"{number}", Known(2, bytes(ROOM // 3)))
    assert [number for number in range(5) if memory.of(f"{number}")] == [2, 3, 4]
    memory.drop("3")
    memory.note("5", Known(1, bytes(ROOM // 3)))
    assert [number for number in range(6) if memory.of(f"{number}")] == [2, 4, 5]
