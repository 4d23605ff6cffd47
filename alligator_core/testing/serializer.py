"""The contract of a serializer: what it says it carries arrives unchanged, and all else is refused by its place."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ClassVar, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..codec import Codec
from ..errors import AlligatorException, UncarriableArgument
from ..gator import Gator
from ..plugins import PluginManager
from ..serializer import Serializer
from ..serializers import Serializers
from .kinds import KINDS, NAMED, PLAIN, TEXT, Forbidden, class_of, name_of, same, take

_ERRORS: Final = (ValueError, TypeError, AlligatorException)
_TASK: Final = {"id": "0123", "task": "app:f", "args": [1, 2.5, "x", None], "kwargs": {"y": [True]}, "enqueued_at": 1.5}

_quick: Final = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


_EMPTY: Final[list[dict[str, Any]]] = [{}, {"args": []}, {"args": [], "kwargs": {}}, {"args": [[], {}, ""]}]
_KEYS: Final = ["", " ", "$", "$date", "$dict", "\\u0024x", "\n\x00", "__class__", "é", "\U0001f40a", "k" * 9999]
_GARBAGE: Final = [b"", b"\x00", b"\xff\xfe", b"null", b"[]", b"{", b"\n" * 50, b"[" * 200_000, b"{}{}", b"\x80\x04]."]


class SerializerContract:
    """All that a serializer has to prove. Subclass it as `Test…`, and say what is tested and what it carries.

        class TestMySerializer(SerializerContract):
            name = "myserializer"                      # or a fixture `serializer` that returns one
            carries = {"datetime", "decimal", "bytes"}
            options = {"level": "3"}                   # if it takes any
            signed = True                              # if it works only where there is a secret
            deterministic = False                      # if it encrypts, and so never makes the same bytes twice

    `carries` takes names of `KINDS`. Those kinds are proven to arrive unchanged; all others, to be refused.
    """

    name: ClassVar[str] = ""
    carries: ClassVar[Collection[str]] = ()
    options: ClassVar[Mapping[str, str]] = {}
    signed: ClassVar[bool] = False
    deterministic: ClassVar[bool] = True

    @pytest.fixture
    def serializer(self) -> Serializer:
        """Build the installed serializer of that name."""
        return Serializers(PluginManager(), {self.name: self.options}, signed=self.signed).load(self.name)

    @pytest.fixture
    def its_gator(self, serializer: Serializer) -> Gator:
        """Make a Gator that has this serializer and no other."""
        gator = Gator("locmem://", plugins=[], secret=[], is_async=False)
        load = {serializer.name: serializer}.__getitem__
        gator.codec = Codec(gator, serializer, [serializer.name], load, gator.policy)
        return gator

    def test_what_it_carries_is_said_in_known_names(self) -> None:
        assert set(self.carries) <= KINDS.keys()

    def test_its_name_fits_the_first_line_of_a_message(self, serializer: Serializer) -> None:
        assert serializer.name.isascii()
        assert serializer.name.replace("-", "").replace("_", "").isalnum()

    def test_plain_values_arrive_unchanged(self, serializer: Serializer) -> None:
        _prove_arrival(serializer, PLAIN)

    @pytest.mark.parametrize("kind", sorted(KINDS))
    def test_a_kind_that_is_declared_arrives_and_any_other_is_refused(self, serializer: Serializer, kind: str) -> None:
        if kind in self.carries:
            _prove_arrival(serializer, KINDS[kind])
        elif kind == "tuple":
            _prove_arrival(serializer, KINDS[kind], becomes=list)
        else:
            _prove_refusal(serializer, KINDS[kind])

    def test_all_declared_kinds_arrive_together_at_any_depth(self, serializer: Serializer) -> None:
        leaves = st.one_of(PLAIN, *(KINDS[kind] for kind in sorted(self.carries)))
        _prove_arrival(
            serializer,
            st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)),
        )

    @pytest.mark.parametrize("kind", sorted(KINDS))
    def test_a_task_gets_a_declared_kind_and_none_is_made_with_any_other(self, its_gator: Gator, kind: str) -> None:
        if kind in self.carries:
            _prove_call(its_gator, KINDS[kind])
        elif kind == "tuple":
            _prove_call(its_gator, KINDS[kind], becomes=list)
        else:
            _prove_no_call(its_gator, KINDS[kind])

    def test_every_key_of_a_payload_arrives(self, serializer: Serializer) -> None:
        full = {**_TASK, "retries": 3, "attempt": 2, "options": {"priority": 9}, "headers": {"trace": "é"}}
        assert same(_carried(serializer, full), full)

    @pytest.mark.parametrize("payload", _EMPTY, ids=repr)
    def test_what_is_empty_arrives_empty_and_is_always_encoded_alike_if_anything_is(
        self, serializer: Serializer, payload: dict[str, Any]
    ) -> None:
        assert same(_carried(serializer, payload), payload)
        if self.deterministic:
            assert serializer.dumps(payload, name_of) == serializer.dumps(dict(payload), name_of)

    @pytest.mark.parametrize("key", _KEYS, ids=ascii)
    def test_an_unusual_key_arrives_at_any_depth(self, serializer: Serializer, key: str) -> None:
        payload = {**_TASK, "args": [{key: {key: key}}, [{key: 1, "b": [{key: None}]}]], "kwargs": {key: [key]}}
        assert same(_carried(serializer, payload), payload)

    def test_a_megabyte_of_text_arrives(self, serializer: Serializer) -> None:
        payload = {**_TASK, "args": ["ä$" * 350_000, {"b": "\\" * 1_000_000}]}
        assert same(_carried(serializer, payload), payload)

    def test_what_holds_itself_arrives_as_such_or_is_refused(self, serializer: Serializer) -> None:
        cycle: list[object] = [1]
        cycle.append(cycle)
        try:
            received = _carried(serializer, {**_TASK, "args": [cycle]})["args"][0]
        except (TypeError, ValueError) as exc:
            place = _path_of(exc)[:2]
        else:
            place = ("args", 0) if received[1] is received else ()
        assert place == ("args", 0)

    def test_what_is_nested_without_end_is_refused(self, serializer: Serializer) -> None:
        deep: list[object] = []
        for _ in range(100_000):
            deep = [deep]
        with pytest.raises((TypeError, ValueError)) as caught:
            serializer.dumps({**_TASK, "args": [1, deep]}, name_of)
        assert _path_of(caught.value)[:2] == ("args", 1)

    def test_a_class_that_no_message_may_name_is_refused_by_its_place(self, serializer: Serializer) -> None:
        def nothing(cls: type) -> str:
            raise Forbidden(f"{cls} may not be named")

        for value in self._named():
            _assert_refused(serializer, {**_TASK, "args": [{"a": value}]}, ("args", 0, "a"), nothing)

    def test_a_class_that_this_side_does_not_allow_is_never_made(self, serializer: Serializer) -> None:
        def nothing(name: str) -> type:
            raise Forbidden(f"{name!r} may not be named")

        for value in self._named():
            with pytest.raises(_ERRORS):
                serializer.loads(serializer.dumps({**_TASK, "args": [value]}, name_of), nothing)

    def test_garbage_is_an_error(self, serializer: Serializer) -> None:
        for garbage in _GARBAGE:
            with pytest.raises(_ERRORS):
                serializer.loads(garbage, class_of)
        _quick(given(st.binary(max_size=200))(lambda garbage: _survives(serializer, garbage)))()

    def test_a_truncated_payload_is_an_error(self, serializer: Serializer) -> None:
        whole = serializer.dumps(self._rich_payload(), name_of)
        for end in range(len(whole)):
            with pytest.raises(_ERRORS):
                serializer.loads(whole[:end], class_of)

    def test_a_changed_byte_is_an_error_or_another_payload(self, serializer: Serializer) -> None:
        whole = serializer.dumps(self._rich_payload(), name_of)
        for place in range(len(whole)):
            for mask in (1, 4, 32, 128, 255):
                _survives(serializer, whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :])

    def test_threads_share_it(self, serializer: Serializer) -> None:
        payloads = [{**self._rich_payload(), "id": str(n), "kwargs": {"n": [n] * n}} for n in range(200)]
        with ThreadPoolExecutor(8) as pool:
            received = list(pool.map(lambda payload: _carried(serializer, payload), payloads * 5))
        assert all(map(same, received, payloads * 5))

    def _named(self) -> list[object]:
        return [value for kind, value in NAMED.items() if kind in self.carries]

    def _rich_payload(self) -> dict[str, Any]:
        return {**_TASK, "args": [*_TASK["args"], {"a$": "\\$é"}, *self._named()]}  # type: ignore[misc]


def _carried(serializer: Serializer, payload: dict[str, Any]) -> dict[str, Any]:
    encoded = serializer.dumps(payload, name_of)
    assert type(encoded) is bytes
    return serializer.loads(encoded, class_of)


def _prove_arrival(
    serializer: Serializer, values: st.SearchStrategy[Any], becomes: Callable[[Any], object] = copy.copy
) -> None:
    @_quick
    @given(values, values)
    def arrives(value: Any, other: Any) -> None:
        sent = {**_TASK, "args": [value, [{"deep": other}]], "kwargs": {"named": [value]}}
        before = copy.deepcopy(sent)
        received = _carried(serializer, sent)
        assert same(sent, before), "dumps changed what it was given"
        value, other = becomes(value), becomes(other)
        assert same(received, {**_TASK, "args": [value, [{"deep": other}]], "kwargs": {"named": [value]}})

    arrives()


def _prove_refusal(serializer: Serializer, values: st.SearchStrategy[Any]) -> None:
    @_quick
    @given(values, PLAIN)
    def is_refused(value: Any, other: Any) -> None:
        _assert_refused(serializer, {**_TASK, "args": [other, value]}, ("args", 1))
        _assert_refused(serializer, {**_TASK, "args": [{"a": [other, value]}]}, ("args", 0, "a", 1))
        _assert_refused(serializer, {**_TASK, "kwargs": {"b": other, "c": {"d": value}}}, ("kwargs", "c", "d"))

    is_refused()


def _prove_call(gator: Gator, values: st.SearchStrategy[Any], becomes: Callable[[Any], object] = copy.copy) -> None:
    @_quick
    @given(values, PLAIN)
    def is_called(value: Any, other: Any) -> None:
        called = gator.task(take, other, [value], named=value).result
        value = becomes(value)
        assert same(called, ((other, [value]), {"named": value}))

    is_called()


def _prove_no_call(gator: Gator, values: st.SearchStrategy[Any]) -> None:
    @_quick
    @given(values, PLAIN)
    def is_refused(value: Any, other: Any) -> None:
        for args, kwargs, place in (
            ([other, value], {}, "args[1]"),
            ([[{"a b": value}]], {}, "args[0][0]['a b']"),
            ([other], {"named": [value]}, "kwargs['named'][0]"),
        ):
            with pytest.raises(UncarriableArgument) as caught:
                gator.task(take, *args, **kwargs)
            assert (caught.value.argument, caught.value.of) == (place, f"{take.__module__}:take")
            assert str(caught.value).startswith(f"{take.__module__}:take: {place} ")

    is_refused()


def _assert_refused(
    serializer: Serializer, payload: dict[str, Any], path: tuple[object, ...], names: Callable[[type], str] = name_of
) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        serializer.dumps(payload, names)
    assert _path_of(caught.value) == path
    assert str(caught.value)[:1].islower(), "the text has to go on a sentence that begins with the argument's name"


def _path_of(exc: Exception) -> tuple[object, ...]:
    return tuple(getattr(exc, "path", ()))


def _survives(serializer: Serializer, garbage: bytes) -> None:
    with suppress(*_ERRORS):
        assert type(serializer.loads(garbage, class_of)) is dict
