"""Where the emulators are not SQS, or not of one mind: what the README lists as not verified against AWS.

Nothing in the plugin may rely on what is shown here. A test that fails says that an emulator has changed.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sqs.helpers import new_queue
from tests.sqs.servers import Ministack, Moto, until


def _queue(client: Any, name: str = "", **attributes: str) -> str:
    url: str = client.create_queue(QueueName=name or new_queue(), Attributes=attributes)["QueueUrl"]
    return url


def _deletes_by_a_stale_receipt(client: Any) -> bool:
    url = _queue(client)
    client.send_message(QueueUrl=url, MessageBody="x")
    [first] = client.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    until(lambda: client.receive_message(QueueUrl=url, VisibilityTimeout=30).get("Messages"))
    entries = [{"Id": "0", "ReceiptHandle": first["ReceiptHandle"]}]
    return not client.delete_message_batch(QueueUrl=url, Entries=entries).get("Failed")


def test_they_disagree_on_who_may_delete_by_a_stale_receipt(ministack: Ministack, moto: Moto) -> None:
    assert not _deletes_by_a_stale_receipt(ministack.client())
    assert _deletes_by_a_stale_receipt(moto.client())


def test_one_of_them_delays_for_longer_than_sqs_does(ministack: Ministack, moto: Moto) -> None:
    client = ministack.client()
    assert client.send_message(QueueUrl=_queue(client), MessageBody="x", DelaySeconds=901)
    other = moto.client()
    with pytest.raises(ClientError, match="DelaySeconds"):
        other.send_message(QueueUrl=_queue(other), MessageBody="x", DelaySeconds=901)


def test_one_of_them_takes_an_empty_body_and_control_characters(ministack: Ministack, moto: Moto) -> None:
    other = moto.client()
    url = _queue(other)
    for body in ("", "\x01"):
        assert other.send_message(QueueUrl=url, MessageBody=body)
    client = ministack.client()
    url = _queue(client)
    for body in ("", "\x01"):
        with pytest.raises(ClientError):
            client.send_message(QueueUrl=url, MessageBody=body)


def test_they_disagree_on_how_large_a_message_may_be(ministack: Ministack, moto: Moto) -> None:
    body = "x" * (256 * 1024 + 1)
    client = ministack.client()
    with pytest.raises(ClientError, match="262144"):
        client.send_message(QueueUrl=_queue(client), MessageBody=body)
    other = moto.client()
    assert other.send_message(QueueUrl=_queue(other), MessageBody=body)


@pytest.mark.parametrize("name", ["ministack", "moto"])
def test_both_keep_the_order_of_standard_queues_and_answer_short_polls_in_full(
    name: str, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue(name).client()
    url = _queue(client)
    entries = [{"Id": f"{n}", "MessageBody": f"{n}"} for n in range(10)]
    client.send_message_batch(QueueUrl=url, Entries=entries)
    found = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [each["Body"] for each in found] == [f"{n}" for n in range(10)]


@pytest.mark.parametrize("name", ["ministack", "moto"])
def test_both_let_anything_be_called_by_anybody(name: str, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue(name).client()
    denying = '{"Statement":[{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}]}'
    url = _queue(client, Policy=denying)
    assert client.send_message(QueueUrl=url, MessageBody="x")


@pytest.mark.parametrize("name", ["ministack", "moto"])
def test_both_create_a_queue_at_once_that_was_just_deleted(name: str, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue(name).client()
    queue = new_queue()
    client.delete_queue(QueueUrl=_queue(client, queue))
    assert _queue(client, queue)
