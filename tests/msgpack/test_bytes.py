"""The bytes of MessagePack: what is written, what is read, and what is refused although the format has it."""

from __future__ import annotations

import tracemalloc
from datetime import date
from functools import cache
from typing import Any

import alligator_tags as tags
import msgspec
import pytest
from alligator_msgpack.entries import count_entries
from hypothesis import given, settings
from hypothesis import strategies as st

from alligator import Gator
from alligator_core.errors import OptionError, UncarriableArgument, UnknownCallableError
from alligator_core.plugins import PluginManager
from alligator_core.serializer import Serializer, SerializerSetup
from alligator_core.testing.kinds import PLAIN, same
from tests.json.shapes import Color, Point, class_of, name_of

WRITTEN = [
    (None, b"\xc0"),
    (7, b"\x07"),
    (2**64 - 1, b"\xcf" + b"\xff" * 8),
    (2**64, b"\x81\xa4$int\xb418446744073709551616"),
    (-(2**63) - 1, b"\x81\xa4$int\xb4-9223372036854775809"),
    (1.0, b"\xcb\x3f\xf0" + b"\x00" * 6),
    ("é$", b"\xa3\xc3\xa9$"),
    (b"\x00$", b"\xc4\x02\x00$"),
    ({"$int": "1"}, b"\x81\xa5$dict\x81\xa4$int\xa11"),
    (date(2026, 11, 24), b"\x81\xa5$date\xaa2026-11-24"),
    (Color.RED, b"\x81\xa5$enum\x92\xa9app:Color\xa3RED"),
    (Point(b"x", 1.0), b"\x81\xaa$dataclass\x92\xa9app:Point\x82\xa1x\xc4\x01x\xa1y\xcb\x3f\xf0" + b"\x00" * 6),
]

REFUSED = {
    "no map": b"\x93\x01\x02\x03",
    "a key that is no text": b"\x81\xa4args\x91\x81\x01\x02",
    "a key of bytes": b"\x81\xa4args\x91\x81\xc4\x02$x\x02",
    "a payload's key that is no text": b"\x81\x01\x90",
    "a list as key": b"\x81\xa4args\x91\x81\x91\x01\x02",
    "NaN": b"\x81\xa4args\x91\xcb\x7f\xf8" + b"\x00" * 6,
    "infinity": b"\x81\xabenqueued_at\xcb\x7f\xf0" + b"\x00" * 6,
    "a timestamp": b"\x81\xa4args\x91\xd6\xff\x00\x00\x00\x00",
    "a timestamp as key": b"\x81\xa4args\x91\x81\xd6\xff\x00\x00\x00\x00\x01",
    "an extension": b"\x81\xa4args\x91\xd4\x05\x00",
    "an extension beside a dollar": b"\x81\xa4args\x92\xa1$\xd4\x05\x00",
    "half of a character": b"\x81\xa4args\x91\xa3\xed\xa0\x80",
    "what is no text": b"\x81\xa4args\x91\xa1\xff",
    "bytes behind its end": b"\x80\x80",
    "an unused code": b"\x81\xa4args\xc1",
    "a key twice": b"\x82\xa4args\x90\xa4args\x90",
    "a key twice, deep": b"\x81\xa4args\x91\x92\x01\x82\xa1a\x01\xa1a\x02",
    "a key twice, in other lengths": b"\x82\xa4args\x90\xd9\x04args\xcd\x00\x01",
    "a key twice, in a long map": b"\xde\x00\x02\xa4args\xdc\x00\x00\xda\x00\x04args\x90",
    "101 levels": b"\x81\xa4args" + b"\x91" * 101 + b"\xc0",
    "101 levels beside a dollar": b"\x81\xa1$" + b"\x91" * 101 + b"\xc0",
    "endless levels": b"\x81\xa4args" + b"\x91" * 1_000_000,
    "an integer with a tag it needs not": b"\x81\xa4args\x91\x81\xa4$int\xa207",
    "an integer of other digits": b"\x81\xa4args\x91\x81\xa4$int\xa3\xd9\xa11",
    "an integer of too many digits": b"\x81\xa4args\x91\x81\xa4$int\xda\x13\x88" + b"9" * 5000,
    "an integer that is none": b"\x81\xa4args\x91\x81\xa4$int\x07",
    "an unknown tag": b"\x81\xa4args\x91\x81\xa4$set\x90",
    "a class that is none of ours": b"\x81\xa4args\x91\x81\xaa$dataclass\x92\xa8app:Bare\x80",
}

BOMBS = {
    "a list": b"\x81\xa4args\xdd\xff\xff\xff\xff",
    "a map": b"\x81\xa6kwargs\xdf\xff\xff\xff\xff",
    "text": b"\x81\xa4args\x91\xdb\xff\xff\xff\xff",
    "bytes": b"\x81\xa4args\x91\xc6\xff\xff\xff\xff",
    "an extension": b"\x81\xa4args\x91\xc9\xff\xff\xff\xff\x05",
    "lists in lists": b"\x81\xa4args" + b"\xdd\x00\xff\xff\xff" * 90,
}


@pytest.mark.parametrize(("value", "written"), WRITTEN, ids=[repr(value) for value, _ in WRITTEN])
def test_a_value_is_written_and_read_in_its_own_form(serializer: Serializer, value: Any, written: bytes) -> None:
    payload = b"\x81\xa4args\x91" + written
    assert serializer.dumps({"args": [value]}, name_of) == payload
    assert same(serializer.loads(payload, class_of), {"args": [value]})


@pytest.mark.parametrize("payload", REFUSED.values(), ids=REFUSED)
def test_what_no_serializer_of_ours_writes_is_refused(serializer: Serializer, payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        serializer.loads(payload, class_of)


@pytest.mark.parametrize("payload", BOMBS.values(), ids=BOMBS)
def test_what_claims_to_be_longer_than_it_is_costs_no_memory(serializer: Serializer, payload: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"\w"):
            serializer.loads(payload, class_of)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_another_language_may_leave_numbers_longer_than_they_need_be(serializer: Serializer) -> None:
    payload = b"\xdf\x00\x00\x00\x01\xd9\x04args\xdd\x00\x00\x00\x02\xd3" + b"\x00" * 7 + b"\x07\xca\x3f\x80\x00\x00"
    assert same(serializer.loads(payload, class_of), {"args": [7, 1.0]})


@cache
def shared_serializer() -> Serializer:
    return PluginManager().make_serializer("msgpack")


@settings(max_examples=80)
@given(st.recursive(PLAIN | st.binary(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)), st.data())
def test_the_same_key_twice_is_found_wherever_it_is_and_however_it_is_written(value: Any, data: st.DataObject) -> None:
    serializer = shared_serializer()
    written = msgspec.msgpack.encode({"args": value})
    # The same, in the longest form that the format has for a map of one, its key and a number behind it.
    long = b"\xdf\x00\x00\x00\x02\xdb\x00\x00\x00\x04args" + written[6:]
    key = data.draw(st.sampled_from([b"\xa4args", b"\xd9\x04args"]))
    number = data.draw(st.sampled_from([b"\x01", b"\xd3" + bytes(7) + b"\x01", b"\xca\x3f\x80\x00\x00"]))
    with pytest.raises(ValueError, match=r"same key twice|tag"):
        serializer.loads(long + key + number, class_of)
    assert count_entries(long + b"\xa1b" + number) == 1 + tags.count_entries(msgspec.msgpack.decode(written))


MANY_PARTS = {
    "empty arrays": b"\xdd\x00\x0f\x42\x3f" + b"\x90" * 999_999,
    "empty maps": b"\xdd\x00\x0f\x42\x3f" + b"\x80" * 999_999,
    "entries": b"\xdd\x00\x07\xa1\x20" + b"\x81\xa0\x00" * 500_000,
    "entries of one map": b"\x91\xdf\x00\x0f\x42\x40" + b"\xa1\xc3\xbf" * 1_000_000,
}


@pytest.mark.parametrize("name", MANY_PARTS)
def test_a_million_parts_of_a_payload_are_refused_before_they_are_made(serializer: Serializer, name: str) -> None:
    with pytest.raises(ValueError, match="it holds more than 1,000,000 lists, maps and entries of maps"):
        serializer.loads(b"\x81\xa4args" + MANY_PARTS[name], class_of)


def test_what_looks_like_parts_within_bytes_or_text_is_none(serializer: Serializer) -> None:
    payload = {"args": [b"\x90\xdf\x80" * 500_000, "п" * 1_000_000, [2**64 - 1] * 1000]}
    assert serializer.loads(serializer.dumps(payload, name_of), class_of) == payload


def test_what_no_worker_would_read_is_not_written(serializer: Serializer) -> None:
    for value in ([[]] * 1_000_000, [{"$": 1}] * 400_000):
        with pytest.raises(TypeError, match="the arguments hold more than 1,000,000 lists, maps and entries of maps"):
            serializer.dumps({"args": [value]}, name_of)


PLAINEST = msgspec.msgpack.encode({"id": "1", "task": "a:b", "args": [1, "x"], "enqueued_at": 1.0})


def test_a_plainest_payload_is_read(serializer: Serializer) -> None:
    assert serializer.loads(PLAINEST, class_of) == {"id": "1", "task": "a:b", "args": [1, "x"], "enqueued_at": 1.0}


@pytest.mark.parametrize("extra", [b"\xa2id\xa11", b"\xa4args\x90", b"\xabenqueued_at\xcb" + b"\x00" * 8])
def test_a_key_twice_is_found_beside_all_that_a_plainest_payload_has(serializer: Serializer, extra: bytes) -> None:
    with pytest.raises(ValueError, match="same key twice"):
        serializer.loads(b"\x85" + PLAINEST[1:] + extra, class_of)
    without_id = PLAINEST[1:].replace(b"\xa2id\xa11", b"")
    with pytest.raises(ValueError, match="same key twice"):
        serializer.loads(b"\x84" + without_id + b"\xa4task\xa3a:b", class_of)


def test_what_class_of_raises_passes_through(serializer: Serializer) -> None:
    with pytest.raises(UnknownCallableError, match="'app:Gone' is unknown"):
        serializer.loads(b"\x81\xa4args\x91\x81\xa5$enum\x92\xa8app:Gone\xa3RED", class_of)


@settings(max_examples=200)
@given(PLAIN | st.dictionaries(st.sampled_from(["$int", "$enum", "$dict", "$tuple", "a"]), PLAIN | st.binary()))
def test_any_messagepack_is_read_and_written_again_or_is_an_error(value: Any) -> None:
    serializer = PluginManager().make_serializer("msgpack")
    try:
        received = serializer.loads(msgspec.msgpack.encode({"args": [value]}), class_of)
    except (ValueError, UnknownCallableError):
        return
    assert same(serializer.loads(serializer.dumps(received, name_of), class_of), received)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (bytearray(b"x"), "is a bytearray, which MessagePack can't carry: pass bytes(value)."),
        (type("Raw", (bytes,), {})(), "a subclass of bytes that would not arrive as one: pass bytes(value)."),
        (object(), "is of type object, which MessagePack can't carry: pass what identifies it"),
        ({1: 2}, "has a key of type int, and only str can be sent as keys"),
        (10**4096, "is an integer of over 4096 digits"),
    ],
    ids=["bytearray", "subclass", "object", "key", "integer"],
)
def test_a_refusal_says_what_to_pass_instead(serializer: Serializer, value: object, problem: str) -> None:
    with pytest.raises(TypeError) as caught:
        serializer.dumps({"args": [0, [value]]}, name_of)
    assert problem in str(caught.value)
    assert caught.value.path == ("args", 1, 0)  # type: ignore[attr-defined]


@pytest.mark.parametrize("dsn", ["locmem://", "locmem://?serializer=msgpack"])
def test_a_gator_takes_it_by_its_name_or_from_the_dsn(dsn: str) -> None:
    gator = Gator(dsn, serializer=None if "?" in dsn else "msgpack", plugins=[])
    task = gator.task(name_of, b"\xff")
    entry = gator.peek(task.task_id)
    assert entry is not None
    assert entry.body.startswith(b"msgpack\n\x84\xa2id")


def test_a_producer_is_told_which_argument_it_is() -> None:
    with pytest.raises(
        UncarriableArgument, match=r"kwargs\['point'\]\['tags'\] is a set, which MessagePack can't carry"
    ):
        Gator("locmem://", serializer="msgpack").task(name_of, 1, point={"tags": {1}})


def test_options_are_refused() -> None:
    with pytest.raises(OptionError, match="The msgpack serializer has no option 'indent'"):
        Gator("locmem://?serializer=msgpack&msgpack.indent=2")


def test_another_name_is_not_its_business() -> None:
    import alligator_msgpack

    assert alligator_msgpack.make_serializer(name="other", setup=SerializerSetup("other")) is None


@pytest.mark.parametrize(
    "payload",
    [
        {"id": "1", "task": "a:b", "args": [1, 2.5, "x", None, True], "enqueued_at": 1.5},
        {"id": "1", "task": "a:b", "args": [b"x"], "enqueued_at": 1},
        {"args": [1], "kwargs": {"a": [1]}, "retries": 2.0, "attempt": True, "options": {"timeout": 5}},
        {"args": "text", "kwargs": None, "headers": {"a": 1}, "unknown": {"b": 2}},
        {"args": [1.7976931348623157e308, -1.7976931348623157e308, 5e-324, -0.0]},
    ],
    ids=["usual", "bytes", "numbers", "other types", "floats"],
)
def test_what_is_read_quickly_and_what_is_not_arrives_alike(serializer: Serializer, payload: dict[str, Any]) -> None:
    assert same(serializer.loads(msgspec.msgpack.encode(payload), class_of), payload)
