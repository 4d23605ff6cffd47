"""Bytes that `dumps` never made: an error of the right type for each, and no class made that isn't asked for."""

from __future__ import annotations

import json
import tracemalloc
from decimal import InvalidOperation, localcontext
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alligator_core.errors import UnknownCallableError
from alligator_core.plugins import PluginManager
from alligator_core.serializer import Serializer
from tests.json.shapes import Bare, class_of, name_of

WRONG_TAGS = [
    '{"$unknown": 1}',
    '{"$": 1}',
    '{"$date": "2026-11-24", "a": 1}',
    '{"a": 1, "$date": "2026-11-24"}',
    '{"$date": "2026-11-24", "$time": "10:00:00"}',
    '{"$date": 20261124}',
    '{"$date": null}',
    '{"$date": "2026-11-31"}',
    '{"$date": "20261124"}',
    '{"$date": "2026-W48-2"}',
    '{"$date": "٢026-11-24"}',
    '{"$date": {"$date": "2026-11-24"}}',
    '{"$datetime": "2026-11-24"}',
    '{"$datetime": "2026-11-24 10:00:00"}',
    '{"$datetime": "2026-11-24T10:00"}',
    '{"$datetime": "2026-11-24T10:00:00+24:00"}',
    '{"$datetime": "2026-11-24T10:00:00[fold=0]"}',
    '{"$datetime": "2026-11-24T10:00:00[Nowhere/Else]"}',
    '{"$datetime": "2026-11-24T10:00:00[Europe]"}',
    '{"$datetime": "2026-11-24T10:00:00[/etc/passwd]"}',
    '{"$datetime": "2026-11-24T10:00:00[../UTC]"}',
    '{"$datetime": "2026-11-24T10:00:00+05:00[Europe/Berlin]"}',
    '{"$datetime": "2026-10-25T02:30:00+02:00[Europe/Berlin][fold=1]"}',
    '{"$time": "25:00:00"}',
    '{"$timedelta": 5}',
    '{"$timedelta": [1, 2]}',
    '{"$timedelta": [1, 2, 3.0]}',
    '{"$timedelta": [true, 2, 3]}',
    '{"$timedelta": [1000000000, 0, 0]}',
    '{"$timedelta": [1%s, 0, 0]}' % ("0" * 400),
    '{"$decimal": 1.5}',
    '{"$decimal": "NaN"}',
    '{"$decimal": "1_000"}',
    '{"$decimal": " 1"}',
    '{"$decimal": "1E+99999999999999999999"}',
    '{"$uuid": "x"}',
    '{"$uuid": "{00000000-0000-0000-0000-00000000000a}"}',
    '{"$uuid": "0000000000000000000000000000000a"}',
    '{"$tuple": [1]}',
    '{"$dict": [1]}',
    '{"$dict": null}',
    '{"$enum": "app:Color"}',
    '{"$enum": ["app:Color"]}',
    '{"$enum": ["app:Color", "BLUE"]}',
    '{"$enum": ["app:Color", "r"]}',
    '{"$enum": ["app:Color", "__class__"]}',
    '{"$enum": ["app:Color", null]}',
    '{"$enum": ["app:Level", 1]}',
    '{"$enum": ["app:Access", 8]}',
    '{"$enum": ["app:Access", -1]}',
    '{"$enum": ["app:Access", true]}',
    '{"$enum": ["app:Point", "x"]}',
    '{"$enum": [["app:Color"], "RED"]}',
    '{"$dataclass": ["app:Point", {"z": 1}]}',
    '{"$dataclass": ["app:Point", {}]}',
    '{"$dataclass": ["app:Point", [1]]}',
    '{"$dataclass": ["app:Point", {"x": {"$unknown": 1}}]}',
    '{"$dataclass": ["app:Counted", {"size": 1, "total": 1}]}',
    '{"$dataclass": ["app:Scaled", {"size": 1, "factor": 1}]}',
    '{"$dataclass": ["app:Positive", {"size": -1}]}',
    '{"$dataclass": ["app:Positive", {"size": "x"}]}',
    '{"$dataclass": ["app:Color", {"value": "r"}]}',
    '{"$dataclass": ["app:Undecorated", {"x": 1}]}',
    '{"$dataclass": ["app:Filled", {"size": 1}]}',
    '{"$dataclass": ["app:Bare", {}]}',
    '{"$dataclass": [null, {}]}',
]

WRONG_JSON = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"args":[NaN]}',
    b'{"args":[1e999]}',
    b'{"args":[%b]}' % (b"9" * 5000),
    b'{"args":["\xff"]}',
    b'{"args":["\\ud800"]}',
    b'{"args":["\xed\xa0\x80"]}',
    b'{"args":%b' % (b"[" * 100_000),
    b'{"args":%b%b}' % (b"[" * 101, b"]" * 101),
    b'{"kwargs":%b1%b}' % (b'{"a":' * 101, b"}" * 101),
    b'{"args":["$",%b%b]}' % (b"[" * 100, b"]" * 100),
    b'{"args":%b1%b}' % (b'{"$dict":{"a":' * 101, b"}}" * 101),
    b'{"args":[%b1%b]}' % (b'{"$dataclass":["app:Point",{"x":' * 100, b"}]}" * 100),
    b'{"args":%b"$"%b}' % (b"[" * 900, b"]" * 900),
    b'\xef\xbb\xbf{"args":[]}',
    b'{"args":[]}{}',
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$enum", "$dataclass", "$dict", "$datetime", "$tuple", "a"]), inner, max_size=2
        )
        | st.tuples(st.sampled_from(["app:Color", "app:Point", "app:Access", "app:Gone"]), inner).map(list)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("text", WRONG_TAGS)
def test_a_wrong_tag_is_an_error(serializer: Serializer, text: str) -> None:
    for payload in ('{"args":[%s]}', '{"args":[],"kwargs":{"a":[{"b":%s}]}}', '{"headers":%s}'):
        with pytest.raises(ValueError, match=r"^\w"):
            serializer.loads((payload % text).encode(), class_of)


def test_a_decimal_out_of_range_is_an_error_whatever_the_app_traps(serializer: Serializer) -> None:
    with localcontext() as context:
        context.traps[InvalidOperation] = False
        with pytest.raises(ValueError, match="not a decimal number"):
            serializer.loads(b'{"args":[{"$decimal":"1E+99999999999999999999"}]}', class_of)


DOUBLE_KEYS = [
    '{"task":"a:b","task":"a:c"}',
    '{"task":"a:b", "args" : [], "args": []}',
    '{"task":"a:b","kwargs":{"a":1,"a":1}}',
    '{"task":"a:b","args":[[{"b":{"":1,"":1}}]]}',
    r'{"task":"a:b","args":[{"a":1,"\u0061":1}]}',
    r'{"task":"a\u003ab","args":[],"args":[]}',
    r'{"args":["\":",{"a":"\\"}],"args":["\":",{"a":"\\"}]}',
    '{"args":[{"$date":"2026-11-24","$date":"2026-11-24"}]}',
    '{"args":[1e5,{"a":1,"a":1}]}',
]

SINGLE_KEYS = [
    '{"task":"a:b","args":["http://a.b/c:d","::",":"],"kwargs":{"a:b":{"a:b":":"}}}',
    '{ "task" : "a:b" ,\n\t"args" : [ { "task" : "\u00e4:" } ]\r }',
    r'{"task":"a:b","args":["\":\"","\\",":\\\":",{"\"":1}]}',
    '{"args":[1e5,1E2,-0,0.10]}',
    r'{"args":["\u003a\u003A\/\u0022:"]}',
]


@pytest.mark.parametrize("text", DOUBLE_KEYS)
def test_a_map_with_the_same_key_twice_is_an_error(serializer: Serializer, text: str) -> None:
    with pytest.raises(ValueError, match="same key twice"):
        serializer.loads(text.encode(), class_of)


@pytest.mark.parametrize("text", SINGLE_KEYS)
def test_colons_and_quotes_in_text_are_no_keys(serializer: Serializer, text: str) -> None:
    assert serializer.loads(text.encode(), class_of) == json.loads(text)


MANY_PARTS = {
    "empty lists": f"[{'[],' * 999_998}[]]",
    "empty maps": f"[{'{},' * 999_998}{{}}]",
    "entries": "[" + '{"":0},' * 500_000 + "0]",
    "entries beside signs in text": '["' + r"[\"[\\" + '",' + '{":[":":{"},' * 500_000 + "0]",
}


@pytest.mark.parametrize("name", MANY_PARTS)
def test_a_million_parts_of_a_payload_are_refused_before_they_are_made(serializer: Serializer, name: str) -> None:
    payload = f'{{"args":{MANY_PARTS[name]}}}'.encode()
    tracemalloc.start()
    with pytest.raises(ValueError, match="it holds more than 1,000,000 lists, maps and entries of maps"):
        serializer.loads(payload, class_of)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * len(payload) + 1_000_000


def test_signs_in_text_are_no_parts_of_a_payload(serializer: Serializer) -> None:
    payload = {"args": ['[{:"\\\n' * 500_000, '\\"[', ["a:b"] * 1000]}
    written = serializer.dumps(payload, name_of)
    assert serializer.loads(written, class_of) == payload


def test_what_no_worker_would_read_is_not_written(serializer: Serializer) -> None:
    for value in ([[]] * 1_000_000, [{"$": 1}] * 400_000):
        with pytest.raises(TypeError, match="the arguments hold more than 1,000,000 lists, maps and entries of maps"):
            serializer.dumps({"args": [value]}, name_of)


@cache
def shared_serializer() -> Serializer:
    return PluginManager().make_serializer("json")


@given(st.data())
def test_the_same_key_twice_is_found_wherever_it_is_and_however_it_is_written(data: st.DataObject) -> None:
    texts = st.text(st.sampled_from('":\\ \n,{}[]aé'), max_size=6)
    value = data.draw(
        st.recursive(texts | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(texts, inner))
    )
    is_ascii, separators = data.draw(st.booleans()), data.draw(st.sampled_from([(",", ":"), (" , ", " : ")]))
    written = json.dumps({"args": [value]}, ensure_ascii=is_ascii, separators=separators).encode()
    serializer = shared_serializer()
    assert serializer.loads(written, class_of) == {"args": [value]}
    with pytest.raises(ValueError, match="same key twice"):
        serializer.loads(written[:-1] + b"," + written[1:], class_of)


@pytest.mark.parametrize("payload", WRONG_JSON, ids=lambda payload: repr(payload[:20]))
def test_what_is_no_json_map_is_an_error(serializer: Serializer, payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        serializer.loads(payload, class_of)


def test_a_hundred_levels_are_read_and_many_flat_lists(serializer: Serializer) -> None:
    for args in (b"[" * 100 + b"]" * 100, b"[%b[]]" % (b"[]," * 500), b'["[{",%b{}]' % (b'{"a":[]},' * 500)):
        assert serializer.loads(b'{"args":%b}' % args, class_of)


def test_only_dataclasses_are_ever_made(serializer: Serializer) -> None:
    for tag in ("$dataclass", "$enum"):
        with pytest.raises(ValueError, match="Bare"):
            serializer.loads(b'{"args":[{"%b":["app:Bare",{}]}]}' % tag.encode(), class_of)
    assert Bare.made == 0


def test_what_class_of_raises_passes_through(serializer: Serializer) -> None:
    with pytest.raises(UnknownCallableError, match="'app:Gone' is unknown"):
        serializer.loads(b'{"args":[{"$enum":["app:Gone","RED"]}]}', class_of)


@settings(max_examples=300)
@given(JSON)
def test_any_json_is_read_and_written_again_or_is_an_error(value: Any) -> None:
    serializer = PluginManager().make_serializer("json")
    try:
        received = serializer.loads(json.dumps({"args": [value]}).encode(), class_of)
    except (ValueError, UnknownCallableError):
        return
    assert serializer.loads(serializer.dumps(received, name_of), class_of) == received
