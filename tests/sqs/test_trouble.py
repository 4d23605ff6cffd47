"""What fails in part, hangs, or was made by others: nothing is lost, and nothing is said that isn't so."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from alligator_core.backend import Message
from alligator_core.errors import BackendUnavailable, PushError
from tests.sqs.helpers import dsn_of, messages, new_queue
from tests.sqs.helpers import opened as backend_of
from tests.sqs.servers import PATIENCE, REGION, Ministack
from tests.sqs.stub import Answer, Stub


@pytest.fixture
def stub(ministack: Ministack) -> Iterator[Stub]:
    stub = Stub(ministack.port)
    yield stub
    stub.close()


@pytest.fixture
def queue() -> str:
    return new_queue()


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
    dsn = f"sqs://{REGION}/?endpoint={stub.endpoint}&create=yes&wait=20&timeout=1"
    with backend_of(dsn) as backend:
        backend.push(queue, messages("a"))
        consumer = backend.consumer([queue], 30.0)
        assert consumer.reserve(1, 0.0)
        hangs, is_over = iter(range(1)), Event()

        def rule(action: str, request: dict[str, Any]) -> Answer | None:
            if action.startswith("Change") and next(hangs, None) is not None:
                is_over.wait(PATIENCE / 2)
            return None

        stub.rule = rule
        assert consumer.keep_alive() == []
        assert stub.counts["ChangeMessageVisibilityBatch"] == 2
        is_over.set()
