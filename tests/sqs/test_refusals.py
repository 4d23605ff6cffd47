"""What can be wrong with SQS, or with one's rights there, and the errors that say so."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from alligator_sqs.backend import SqsBackend

from alligator_core.backend import Ack, Bury, Release, Replace
from alligator_core.errors import AlligatorException, BackendError, BackendUnavailable
from tests.sqs.helpers import dsn_of, ids_of, messages, new_queue, opened, take_all
from tests.sqs.servers import PATIENCE, Ministack
from tests.sqs.stub import Stub
from tests.waiting import free_port


@pytest.fixture
def queue(ministack: Ministack) -> str:
    """A queue that exists, with one for its dead letters."""
    name = new_queue()
    for each in (name, f"{name}-dead"):
        ministack.client().create_queue(QueueName=each)
    return name


@pytest.fixture
def backend(stub: Stub) -> Iterator[SqsBackend]:
    with opened(dsn_of(stub.endpoint)) as backend:
        yield backend


def test_a_missing_queue_is_named_with_the_option_that_creates_it(backend: SqsBackend) -> None:
    with pytest.raises(BackendError, match=r"no queue 'nowhere'.*create=yes"):
        backend.push("nowhere", messages("a"))
    with pytest.raises(BackendError, match=r"no queue 'nowhere'.*create=yes"):
        backend.consumer(["nowhere"], 30.0).reserve(1, 0.0)
    assert backend.size("nowhere") == (0, 0, 0, 0, False)


def test_a_missing_place_for_dead_letters_is_noticed_before_the_first_task_runs(
    ministack: Ministack, backend: SqsBackend
) -> None:
    queue = new_queue()
    ministack.client().create_queue(QueueName=queue)
    backend.push(queue, messages("a"))
    with pytest.raises(BackendError, match=rf"nowhere to put dead letters.*'{queue}-dead'"):
        backend.consumer([queue], 30.0).reserve(1, 0.0)


def test_a_queue_that_is_deleted_under_a_worker_is_an_error_until_it_is_there_again(
    ministack: Ministack, backend: SqsBackend, queue: str
) -> None:
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 30.0)
    held = consumer.reserve(1, 0.0)
    client = ministack.client()
    client.delete_queue(QueueUrl=client.get_queue_url(QueueName=queue)["QueueUrl"])
    with pytest.raises(BackendError, match=f"no queue '{queue}'"):
        consumer.reserve(1, 0.0)
    with pytest.raises(BackendError, match=f"no queue '{queue}'"):
        consumer.settle([Ack(held[0])])
    client.create_queue(QueueName=queue)
    backend.push(queue, messages("b"))
    assert ids_of(consumer.reserve(1, PATIENCE)) == ["b"]


def test_a_queue_that_is_deleted_is_created_again_where_that_is_wanted(ministack: Ministack, queue: str) -> None:
    with opened(ministack.dsn()) as backend:
        backend.push(queue, messages("a"))
        client = ministack.client()
        client.delete_queue(QueueUrl=client.get_queue_url(QueueName=queue)["QueueUrl"])
        backend.push(queue, messages("b"))
        assert ids_of(take_all(backend.consumer([queue], 30.0))) == ["b"]


@pytest.mark.parametrize(
    ("code", "status"), [("ThrottlingException", 400), ("RequestThrottled", 403), ("ServiceUnavailable", 503)]
)
def test_a_service_that_is_busy_is_tried_again_and_nothing_is_sent_twice(
    stub: Stub, backend: SqsBackend, queue: str, code: str, status: int
) -> None:
    stub.refuse("SendMessageBatch", code, status=status, times=2)
    backend.push(queue, messages("a"))
    assert stub.counts["SendMessageBatch"] == 3
    assert ids_of(take_all(backend.consumer([queue], 30.0))) == ["a"]


def test_a_service_that_stays_busy_is_unavailable_and_nothing_was_done(
    stub: Stub, backend: SqsBackend, queue: str
) -> None:
    stub.refuse("SendMessageBatch", "ThrottlingException")
    with pytest.raises(BackendUnavailable, match=r"SendMessage.*ThrottlingException") as caught:
        backend.push(queue, messages("a"))
    assert not caught.value.maybe_applied


def test_a_send_whose_answer_is_lost_is_an_error_that_says_so_and_is_not_repeated(
    stub: Stub, backend: SqsBackend, queue: str
) -> None:
    stub.loses["SendMessageBatch"] = 1
    with pytest.raises(BackendUnavailable, match="may have happened") as caught:
        backend.push(queue, messages("a"))
    assert caught.value.maybe_applied
    assert stub.counts["SendMessageBatch"] == 1
    assert ids_of(take_all(backend.consumer([queue], 30.0))) == ["a"]


def test_a_fifo_queue_takes_a_repeated_send_for_what_it_is(ministack: Ministack, stub: Stub) -> None:
    with opened(dsn_of(stub.endpoint, "fifo=yes", "create=yes", "group=task")) as backend:
        stub.loses["SendMessageBatch"] = 1
        queue = new_queue()
        backend.push(queue, messages("a", "b"))
        assert stub.counts["SendMessageBatch"] == 2
        assert sorted(ids_of(take_all(backend.consumer([queue], 30.0)))) == ["a", "b"]


@pytest.mark.parametrize("action", ["DeleteMessageBatch", "ChangeMessageVisibilityBatch", "GetQueueAttributes"])
def test_what_does_no_harm_twice_is_repeated_when_its_answer_is_lost(
    stub: Stub, backend: SqsBackend, queue: str, action: str
) -> None:
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 30.0)
    stub.loses[action] = 1
    held = consumer.reserve(1, 0.0)
    assert consumer.keep_alive() == []
    # Of what was deleted, and is to be deleted again, an emulator says that it is not held.
    assert consumer.settle([Ack(held[0])]) in ([], held)
    assert stub.counts[action] >= 2
    assert backend.size(queue)[:3] == (0, 0, 0)


def test_messages_whose_receive_was_answered_in_vain_come_back_with_the_lease(
    stub: Stub, backend: SqsBackend, queue: str
) -> None:
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 3.0)
    stub.loses["ReceiveMessage"] = 1
    found = consumer.reserve(1, 0.0) or consumer.reserve(1, PATIENCE)
    assert [(each.id, each.deliveries) for each in found] == [("a", 2)]


def test_a_poll_that_fails_is_heard_of(stub: Stub, backend: SqsBackend, queue: str) -> None:
    consumer = backend.consumer([queue], 30.0)
    assert consumer.reserve(1, 0.05) == []
    stub.refuse("ReceiveMessage", "AccessDeniedException", status=403)
    with pytest.raises(BackendError, match="sqs:ReceiveMessage"):
        consumer.reserve(1, PATIENCE)


def test_a_server_that_does_not_listen_is_unavailable_and_nothing_was_sent() -> None:
    with opened(dsn_of(f"http://127.0.0.1:{free_port()}", "connect_timeout=0.5")) as backend:
        with pytest.raises(BackendUnavailable, match=r"can't be reached.*nothing was sent") as caught:
            backend.ping()
        assert not caught.value.maybe_applied


RIGHTS = {
    "GetQueueUrl": lambda backend, queue: backend.push(queue, messages("b")),
    "SendMessageBatch": lambda backend, queue: backend.push(queue, messages("b")),
    "ReceiveMessage": lambda backend, queue: backend.consumer([queue], 30.0).reserve(1, 0.0),
    "GetQueueAttributes": lambda backend, queue: backend.consumer([queue], 30.0).reserve(1, 0.0),
}


@pytest.mark.parametrize("action", RIGHTS)
def test_a_right_that_is_missing_is_named(stub: Stub, backend: SqsBackend, queue: str, action: str) -> None:
    stub.refuse(action, "AccessDeniedException", status=403)
    with pytest.raises(BackendError, match=f"denied: allow sqs:{action.removesuffix('Batch')} on") as caught:
        RIGHTS[action](backend, queue)
    assert queue in str(caught.value)


def test_the_right_to_create_is_named_where_it_is_wanted(stub: Stub) -> None:
    with opened(dsn_of(stub.endpoint, "create=yes")) as backend:
        stub.refuse("CreateQueue", "AccessDenied", status=403)
        with pytest.raises(BackendError, match="denied: allow sqs:CreateQueue"):
            backend.push(new_queue(), messages("a"))


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("DeleteMessageBatch", Ack),
        ("SendMessageBatch", lambda held: Replace(held, messages("a")[0])),
        ("SendMessageBatch", lambda held: Bury(held, "why")),
        ("SendMessageBatch", Release),
        ("ChangeMessageVisibilityBatch", None),
    ],
)
def test_a_right_that_a_worker_lacks_is_named_and_nothing_is_lost(
    stub: Stub, backend: SqsBackend, queue: str, action: str, kind: object
) -> None:
    backend.push(queue, messages("a"))
    consumer = backend.consumer([queue], 30.0)
    [held] = consumer.reserve(1, 0.0)
    stub.refuse(action, "AccessDeniedException", status=403)
    with pytest.raises(BackendError, match=f"allow sqs:{action.removesuffix('Batch')} on"):
        consumer.keep_alive() if kind is None else consumer.settle([kind(held)])  # type: ignore[operator]
    stub.refuse("", "")
    assert consumer.settle([Release(held)]) == []
    assert ids_of(take_all(backend.consumer([queue], 30.0))) == ["a"]


def test_a_producer_needs_no_right_but_to_find_the_queue_and_to_send(
    stub: Stub, backend: SqsBackend, queue: str
) -> None:
    backend.push(queue, messages("a"))
    assert {*stub.counts} == {"GetQueueUrl", "SendMessageBatch"}


def test_a_worker_needs_the_rights_that_the_readme_lists(stub: Stub, backend: SqsBackend, queue: str) -> None:
    backend.push(queue, messages("a", "b", "c", "d"))
    consumer = backend.consumer([queue], 30.0)
    first, second, third, _ = consumer.reserve(4, 0.0)
    consumer.keep_alive()
    consumer.settle([Ack(first), Bury(second, "why"), Replace(third, messages("c")[0])])
    consumer.close()
    assert {*stub.counts} == {
        "ChangeMessageVisibilityBatch",
        "DeleteMessageBatch",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ReceiveMessage",
        "SendMessageBatch",
    }


def test_wrong_credentials_are_called_so(stub: Stub, backend: SqsBackend) -> None:
    stub.refuse("GetQueueUrl", "InvalidClientTokenId", status=403)
    with pytest.raises(BackendError, match="credentials are not valid there"):
        backend.ping()


def test_no_credentials_are_an_error_that_says_where_they_come_from(ministack: Ministack) -> None:
    environment = {name: text for name, text in os.environ.items() if "ACCESS_KEY" not in name}
    said = _error_of(dsn_of(ministack.endpoint), environment)
    assert "there are no credentials" in said
    assert "AWS_PROFILE" in said


def test_no_region_is_an_error_that_shows_one(ministack: Ministack) -> None:
    environment = {name: text for name, text in os.environ.items() if "REGION" not in name}
    assert "sqs://us-west-2/" in _error_of(f"sqs://?endpoint={ministack.endpoint}", environment)


def test_an_unknown_profile_is_named(ministack: Ministack) -> None:
    with opened(dsn_of(ministack.endpoint, "profile=nobody")) as backend, pytest.raises(BackendError, match="nobody"):
        backend.ping()


def test_a_garbled_answer_is_an_error_of_ours(stub: Stub, backend: SqsBackend, queue: str) -> None:
    stub.rule = lambda action, _: (502, {}) if action == "ReceiveMessage" else None
    with pytest.raises(AlligatorException):
        backend.consumer([queue], 30.0).reserve(1, 0.0)


def test_purge_and_cancel_are_refused_with_the_reason(backend: SqsBackend, queue: str) -> None:
    with pytest.raises(AlligatorException, match="PurgeQueue"):
        backend.purge(queue)
    with pytest.raises(AlligatorException, match="finds none by its id"):
        backend.cancel(queue, "a")


def test_an_entry_point_is_found_without_boto3_being_imported() -> None:
    script = "import sys, alligator_sqs; assert not {'boto3', 'botocore'} & {*sys.modules}"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=PATIENCE).returncode == 0


def _error_of(dsn: str, environment: dict[str, str]) -> str:
    script = (
        "from alligator_core.plugins import PluginManager\nfrom alligator_core.dsn import Dsn\n"
        f"PluginManager().make_backend(Dsn.parse({dsn!r})).ping()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=PATIENCE, env=environment
    )
    assert ran.returncode != 0
    return ran.stderr
