"""What an attacker who can write to the queue may try: none of it runs, and none of it stops a worker."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from alligator import Gator, MessageError
from alligator_core.backend import Message
from alligator_core.worker import Worker

from . import jobs
from .helpers import drain

SECRET, OLD = "a secret that nobody knows", "the secret that was before"


@pytest.fixture
def signed() -> Gator:
    return Gator("locmem://", plugins=[], secret=SECRET)


def body_of(gator: Gator, value: object = "forged", queue: str = "all") -> bytes:
    """The message of a call that nobody must run as it is changed by a test."""
    made = gator.options(queue_name=queue, task_id="sample").task(jobs.note, value)
    message = gator.backend.cancel(queue, made.task_id)
    assert message
    return message.body


def attack(gator: Gator, bodies: Iterable[bytes], queue: str = "all") -> dict[str, str]:
    """Put messages on a queue, a good one behind each, run all of them, and return the reasons of the dead letters."""
    count = 0
    for count, body in enumerate(bodies, 1):
        gator.backend.push(queue, [Message(f"bad-{count}", body)])
        gator.options(queue_name=queue).task(jobs.note, count)
    Worker(gator, burst=True, to_consume=queue, max_tasks=3 * count).run_forever()
    assert jobs.ran == list(range(1, count + 1)), "every neighbour runs, and nothing else does"
    assert gator.backend.size(queue).waiting == 0
    dead = {letter.id: letter.reason for letter in gator.backend.dead(queue, limit=count + 1)}
    assert dead.keys() == {f"bad-{number}" for number in range(1, count + 1)}
    return dead


def flips(body: bytes) -> Iterable[bytes]:
    for place, byte in enumerate(body):
        for bit in range(8):
            yield body[:place] + bytes([byte ^ 1 << bit]) + body[place + 1 :]


def test_no_message_with_one_bit_flipped_runs(signed: Gator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    reasons = set(attack(signed, flips(body_of(signed))).values())
    assert any("Its signature is wrong" in reason for reason in reasons)
    assert any("Its first line has" in reason for reason in reasons)


def test_no_truncated_message_runs(signed: Gator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    body = body_of(signed)
    attack(signed, [body[:end] for end in range(len(body))] + [body[start:] for start in range(1, len(body))])


def test_no_message_with_something_put_before_or_behind_it_runs(signed: Gator) -> None:
    body = body_of(signed)
    line, _, payload = body.partition(b"\n")
    attack(signed, [body + b"\n", body + b" ", b" " + body, b"\n" + body, body + body, line + b"\n\n" + payload])


def test_a_message_that_is_moved_to_another_queue_does_not_run(signed: Gator) -> None:
    [reason] = attack(signed, [body_of(signed, queue="mail")], queue="orders").values()
    assert reason.startswith("Its signature is wrong: it was signed with another secret or for another queue")


def test_a_message_of_another_queue_whose_names_join_alike_does_not_run() -> None:
    # As if serializer and queue were just put one behind the other: `json` + `1all` against `json1` + `all`.
    gator = Gator("locmem://", plugins=[], secret=SECRET)
    line, _, payload = body_of(gator, queue="1all").partition(b"\n")
    attack(gator, [line.replace(b"json", b"json1") + b"\n" + payload])


def test_a_message_under_the_name_of_another_serializer_does_not_run(
    signed: Gator, install: Callable[..., None]
) -> None:
    install("alligator-twin", {"twin": TWIN}, serializers={"twin": "twin"})
    gator = Gator("locmem://", plugins=[], secret=SECRET, accept=["json", "twin"])
    [reason] = attack(gator, [body_of(gator).replace(b"json;", b"twin;", 1)]).values()
    assert reason.startswith("Its signature is wrong")


TWIN = """
from alligator_core.hookspecs import hookimpl

@hookimpl
def make_serializer(name, setup):
    class Twin:
        name = "twin"
        def dumps(self, payload, name_of):
            return setup.load("json").dumps(payload, name_of)
        def loads(self, payload, class_of):
            raise AssertionError("it must not get here")
    return Twin()
"""


def test_an_unsigned_message_does_not_run_where_there_is_a_secret(signed: Gator) -> None:
    payload = json.dumps({"id": "1", "task": "tests.core.jobs:note", "args": ["forged"]}).encode()
    first_lines = [b"json", b"json;v=1", b"json;sig=", b"json;sig", b"json;SIG=" + b"0" * 64, b";sig=" + b"0" * 64]
    reasons = attack(signed, [line + b"\n" + payload for line in first_lines])
    assert reasons["bad-1"] == reasons["bad-2"] == reasons["bad-3"]
    assert reasons["bad-1"].startswith("It isn't signed, and this worker has a secret")


def test_a_signed_message_does_not_run_where_there_is_no_secret(signed: Gator, gator: Gator) -> None:
    [reason] = attack(gator, [body_of(signed)]).values()
    assert reason.startswith("It is signed, and this worker has no secret")


def test_a_message_signed_with_another_secret_does_not_run(signed: Gator) -> None:
    attack(signed, [body_of(Gator("locmem://", secret=OLD)), body_of(Gator("locmem://", secret=SECRET.upper()))])


def test_a_refused_message_is_never_decoded(signed: Gator, monkeypatch: pytest.MonkeyPatch) -> None:
    own = body_of(signed)
    read: list[bytes] = []
    monkeypatch.setattr(type(signed.codec._serializer), "loads", lambda self, payload, class_of: read.append(payload))
    for body in [*list(flips(own))[::50], own.partition(b"\n")[2]]:
        for refuse in (signed.codec.decode, signed.codec.read):
            with pytest.raises(MessageError):
                refuse(body, "all")
    assert read == []


def test_lines_that_differ_fill_no_memory(signed: Gator) -> None:
    for each in range(500):
        signed.codec.decode(body_of(signed, each), "all")
    assert len(signed.codec._by_line) == 1


def test_with_a_list_of_secrets_the_first_signs_and_the_others_still_verify(gator: Gator) -> None:
    old, new = Gator("locmem://", secret=OLD), Gator("locmem://", plugins=[], secret=[SECRET, OLD])
    new.backend.push("all", [Message("old", body_of(old, "by the old one"))])
    new.backend.push("all", [Message("new", body_of(new, "by the new one"))])
    drain(new)
    assert jobs.ran == ["by the old one", "by the new one"]
    assert Gator("locmem://", secret=SECRET).codec.read(body_of(new), "all")
    with pytest.raises(MessageError, match="Its signature is wrong"):
        old.codec.read(body_of(new), "all")


def test_another_attempt_is_signed_anew_with_the_first_secret(each_gator: Gator) -> None:
    old, both, new = (
        Gator("locmem://", plugins=[], secret=secret, backend_class=lambda dsn: each_gator.backend)
        for secret in (OLD, [SECRET, OLD], SECRET)
    )
    old.options(retries=1).task(jobs.fail_until, 2, "again")
    drain(both, max_tasks=1)
    drain(new)
    assert jobs.ran == ["again", "again"]
    assert new.dead() == []


Produce = Callable[[Gator], Any]


def by_batch(gator: Gator) -> None:
    with gator.batch():
        gator.task(jobs.note, 1)
        gator.options(queue_name="mail").task(jobs.note, 1)


PRODUCERS: dict[str, Produce] = {
    "task": lambda gator: gator.task(jobs.note, 1),
    "map": lambda gator: gator.map(jobs.note, [1, 1]),
    "another queue": lambda gator: gator.options(queue_name="mail").task(jobs.note, 1),
    "batch": by_batch,
    "delayed": lambda gator: gator.options(delay_by=0.01).task(jobs.note, 1),
    "with options": lambda gator: gator.options(retries=3, priority=7, expires=60).task(jobs.note, 1),
}


@pytest.mark.parametrize("produce", PRODUCERS.values(), ids=list(PRODUCERS))
def test_however_a_task_is_enqueued_its_signature_is_right(signed: Gator, produce: Produce) -> None:
    produce(signed)
    while signed.len() or signed.backend.size("mail").waiting:
        drain(signed, to_consume=["all", "mail"])
    assert set(jobs.ran) == {1}
    assert signed.dead() == signed.backend.dead("mail") == []


def test_a_dead_letter_that_is_put_back_still_verifies(signed: Gator) -> None:
    signed.task(jobs.fail_until, 2, "again")
    drain(signed)
    signed.requeue()
    drain(signed)
    assert (jobs.ran, signed.dead()) == (["again", "again"], [])


def test_a_dead_letter_that_was_refused_keeps_its_body_as_it_is(signed: Gator) -> None:
    body = body_of(signed) + b" "
    signed.backend.push("all", [Message("bad", body)])
    for _ in range(2):
        drain(signed)
        assert [letter.body for letter in signed.dead()] == [body]
        assert signed.requeue() == ["bad"]


def test_what_runs_in_process_is_signed_and_verified_as_well() -> None:
    gator = Gator("locmem://", plugins=[], secret=SECRET, is_async=False)
    gator.options(retries=1).task(jobs.fail_until, 2, "again")
    assert jobs.ran == ["again", "again"]


@pytest.mark.parametrize("take", [Gator.pop, lambda gator: gator.get("bad")])
def test_a_forged_message_that_is_taken_by_hand_raises_and_is_buried(signed: Gator, take: Produce) -> None:
    signed.backend.push("all", [Message("bad", body_of(signed) + b" ")])
    with pytest.raises(MessageError, match="Its signature is wrong"):
        take(signed)
    assert [letter.id for letter in signed.dead()] == ["bad"]
    assert jobs.ran == []


def test_a_forged_message_can_be_looked_at_and_canceled(signed: Gator) -> None:
    signed.backend.push("all", [Message("bad", body_of(signed) + b" ")])
    entry = signed.peek("bad")
    assert entry
    assert entry.body.endswith(b" ")
    task = signed.cancel("bad")
    assert task
    assert (task.task_id, task.status) == ("bad", "canceled")


def test_the_secret_is_nowhere_to_be_seen(signed: Gator) -> None:
    shown = [repr(signed), repr(signed.codec), repr(signed.codec._signer), repr(vars(signed)), repr(Worker(signed))]
    assert not [text for text in shown if SECRET in text]
