from __future__ import annotations

import base64
import os
import re
from typing import Any

import pytest
from alligator_encrypt import ring as ring_module
from alligator_encrypt.ring import KeyRing

from alligator import Gator, MessageError, OptionError, UncarriableArgument, Worker
from alligator_core.backend import Message
from alligator_core.testing.forking import in_forked_child

from . import jobs

OLD, NEW = base64.b64encode(bytes(range(32))).decode(), base64.urlsafe_b64encode(b"\xff" * 32).decode()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLIGATOR_ENCRYPTION_KEYS", raising=False)
    jobs.ran.clear()


def gator_with(keys: str | None = OLD, **settings: Any) -> Gator:
    options = {} if keys is None else {"keys": keys}
    return Gator("locmem://", serializer="encrypt", serializer_options={"encrypt": options}, plugins=[], **settings)


def drain(gator: Gator) -> None:
    Worker(gator, burst=True, max_tasks=5000).run_forever()


def body_of(gator: Gator, value: object = "hush") -> bytes:
    message = gator.backend.cancel("all", gator.task(jobs.note, value).task_id)
    assert message
    return message.body


def run_raw(gator: Gator, *bodies: bytes) -> list[str]:
    """Run messages, and return the reasons of those that are dead then."""
    gator.backend.push("all", [Message(str(number), body) for number, body in enumerate(bodies)])
    drain(gator)
    return [letter.reason for letter in gator.dead(limit=len(bodies))]


def test_neither_the_function_nor_its_arguments_can_be_seen() -> None:
    gator = gator_with()
    task = gator.options(retries=3, on_error=jobs.note).task(jobs.note, "hush")
    entry = gator.peek(task.task_id)
    assert entry
    assert entry.body.startswith(b"encrypt\n")
    for word in (b"hush", b"note", b"jobs", b"args", b"json", b"retries", task.task_id.encode()):
        assert word not in entry.body
    drain(gator)
    assert jobs.ran == ["hush"]


def test_a_retry_is_encrypted_anew() -> None:
    gator = gator_with()
    gator.options(retries=1).task(jobs.fail_once, "hush")
    drain(gator)
    assert jobs.ran == ["hush", "hush"]


def test_the_same_task_never_looks_the_same_twice() -> None:
    gator = gator_with()
    task = gator.task(jobs.note, 1)
    assert len({gator.codec.encode(task) for _ in range(1000)}) == 1000


def test_with_several_keys_the_first_encrypts_and_all_decrypt() -> None:
    both = gator_with(f"{NEW}, {OLD}")
    assert run_raw(both, body_of(gator_with(OLD), "old"), body_of(gator_with(NEW), "new")) == []
    assert jobs.ran == ["old", "new"]
    assert gator_with(NEW).codec.read(body_of(both), "all").args == ["hush"]


def test_a_message_of_another_key_is_kept_and_does_not_run() -> None:
    gator = gator_with(NEW)
    [reason] = run_raw(gator, body_of(gator_with(OLD)))
    assert reason == (
        "Its encrypt payload can't be read: it was encrypted with none of the keys here, or changed since."
    )
    assert jobs.ran == []


def test_no_message_with_one_bit_flipped_or_cut_runs() -> None:
    gator = gator_with(accept=[])
    body = body_of(gator, 1)
    flips = [
        body[:place] + bytes([byte ^ 1 << bit]) + body[place + 1 :]
        for place, byte in enumerate(body)
        for bit in range(8)
    ]
    changed = [*flips, *(body[:end] for end in range(len(body))), body + b"\0"]
    assert len(run_raw(gator, *changed)) == len(changed)
    assert jobs.ran == []


def test_what_is_not_encrypted_runs_unless_the_accept_list_is_empty() -> None:
    plain = body_of(Gator("locmem://", plugins=[]), "plain")
    assert run_raw(gator_with(), plain) == []
    assert jobs.ran == ["plain"]
    [reason] = run_raw(gator_with(accept=[]), plain)
    assert "this worker accepts encrypt" in reason


def test_a_signature_covers_what_is_encrypted() -> None:
    gator = gator_with(secret="a secret of the queue")
    gator.task(jobs.note, 1)
    drain(gator)
    [reason] = run_raw(gator, body_of(gator_with()))
    assert (jobs.ran, reason[:15]) == ([1], "It isn't signed")


def test_the_inner_serializer_must_be_one_that_is_named() -> None:
    gator = Gator("locmem://?serializer=encrypt", serializer_options={"encrypt": {"keys": OLD}}, plugins=[])
    forged = b"encrypt\n" + KeyRing([bytes(range(32))]).encrypt(b"pickle\ncos\nsystem\n.")
    with pytest.raises(MessageError, match=r"it holds what b'pickle' made, and encrypt\.inner names json"):
        gator.codec.decode(forged, "all")


def test_what_cannot_be_carried_is_named_as_without_encryption() -> None:
    with pytest.raises(UncarriableArgument, match=r"args\[0\]\['when'\] is a set"):
        gator_with().task(jobs.note, {"when": {1}})


def test_the_keys_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLIGATOR_ENCRYPTION_KEYS", f"{OLD},{NEW}")
    assert gator_with(OLD).codec.read(body_of(gator_with(None)), "all").args == ["hush"]
    assert gator_with(NEW).codec.read(body_of(gator_with(NEW)), "all")


def test_without_a_key_there_is_no_gator() -> None:
    with pytest.raises(OptionError, match="The encrypt serializer has no key: set ALLIGATOR_ENCRYPTION_KEYS"):
        gator_with(None)


@pytest.mark.parametrize("key", ["", "hunter2", "hunter2" * 9, OLD[:-5], OLD + "AAAA", f"{OLD},", "hünter2"])
def test_a_key_that_is_none_is_refused_and_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match=r"keys=\*\*\*: each key must be 32 bytes in base64") as by_option:
        gator_with(key)
    monkeypatch.setenv("ALLIGATOR_ENCRYPTION_KEYS", key)
    with pytest.raises(OptionError, match="ALLIGATOR_ENCRYPTION_KEYS: each key must be 32 bytes") as by_variable:
        gator_with(None)
    for caught in (by_option, by_variable):
        assert "hunter2" not in str(caught.value)
        assert OLD[:20] not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("inner", ["", "json,", ","])
def test_an_inner_serializer_needs_a_name(inner: str) -> None:
    with pytest.raises(OptionError, match="it must be the name of a serializer"):
        Gator("locmem://", serializer="encrypt", serializer_options={"encrypt": {"keys": OLD, "inner": inner}})


def test_the_keys_are_nowhere_to_be_seen() -> None:
    gator = Gator(f"locmem://?serializer=encrypt&encrypt.keys={NEW}", plugins=[])
    serializer = gator.codec._serializer
    shown = [repr(gator), repr(gator.dsn), str(gator.dsn), repr(serializer), repr(vars(gator)), repr(vars(serializer))]
    assert "keys=***" in shown[0]
    assert not [text for text in shown if NEW in text]


def test_a_new_salt_is_drawn_when_the_last_one_has_been_used_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_module, "_RENEWED", 10)
    ring = KeyRing([bytes(32)])
    sealed = [ring.encrypt(b"x") for _ in range(35)]
    assert len({each[:16] for each in sealed}) == 4
    assert {ring.decrypt(each) for each in sealed} == {b"x"}


def test_more_salts_than_are_remembered_are_decrypted_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_module, "_REMEMBERED", 3)
    reader = KeyRing([bytes(32)])
    for _ in range(2):
        assert [reader.decrypt(KeyRing([bytes(32)]).encrypt(b"x")) for _ in range(10)] == [b"x"] * 10
    assert len(reader._ciphers) <= 3


def test_garbage_leaves_nothing_behind() -> None:
    ring = KeyRing([bytes(32)])
    for length in range(100):
        with pytest.raises(ValueError, match=r"too short|none of the keys"):
            ring.decrypt(os.urandom(length))
    assert ring._ciphers == {}


def test_a_forked_child_never_repeats_a_nonce() -> None:
    ring = KeyRing([bytes(32)])
    ring.encrypt(b"x")
    heads = in_forked_child(lambda: [ring.encrypt(b"x")[:28].hex() for _ in range(50)])
    theirs = set(re.findall(r"[0-9a-f]{56}", heads))
    assert len(theirs | {ring.encrypt(b"x")[:28].hex() for _ in range(50)}) == 100
