"""What can't arrive unchanged is refused where it is passed, by its place and with what to pass instead."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from alligator import Gator
from alligator_core.errors import ForbiddenCallable, OptionError, UncarriableArgument
from alligator_core.serializer import Serializer, SerializerSetup
from tests.json.shapes import (
    Color,
    Counted,
    Filled,
    Growing,
    Pair,
    Point,
    Scaled,
    Undecorated,
    Whole,
    class_of,
    name_of,
)


class Nowhere(tzinfo):
    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(0)


class Stamp(datetime):
    pass


def changed(value: Any, **fields: object) -> Any:
    for name, content in fields.items():
        setattr(value, name, content)
    return value


NAN = float("nan")

REFUSED = [
    ({1}, "is a set, which JSON can't carry: pass a sorted list."),
    (b"x", "is of type bytes, which JSON can't carry: pass text, such as its base64, "),
    (NAN, "is nan, and only finite floats can be sent: pass None, or text."),
    (Decimal("NaN"), "is Decimal('NaN'), which equals nothing, not even itself: pass None."),
    ({1: 2}, "has a key of type int, and only str can be sent as keys: pass a list of pairs, or make the keys str."),
    ("\ud800", r"holds '\ud800', half of a character, which UTF-8 can't carry: "),
    ({"\ud800": 1}, r"holds '\ud800', half of a character, which UTF-8 can't carry: "),
    (10**4096, "is an integer of over 4096 digits: pass it as text, such as hex(value)."),
    (-(10**4299), "is an integer of over 4096 digits: "),
    (1 << 10**6, "is an integer of over 4096 digits: "),
    (OrderedDict(a=1), "is of type collections.OrderedDict, a subclass of dict that would not arrive as one: "),
    (Pair(1, 2), "is of type tests.json.shapes.Pair, a subclass of tuple that would not arrive as one: "),
    (Stamp(2026, 1, 1), "is of type tests.json.test_refusals.Stamp, a subclass of datetime that would "),
    (datetime(2026, 1, 1, tzinfo=Nowhere()), "has a time zone of type tests.json.test_refusals.Nowhere that has "),
    (range(3), "is a range, which JSON can't carry: pass a list of what it yields."),
    (deque([1]), "is of type collections.deque, which JSON can't carry: pass a list of what it yields."),
    (len, "is of type builtin_function_or_method, which JSON can't carry: pass its name."),
    (Path("/"), "is of type pathlib."),
    (ValueError("x"), "is of type ValueError, which JSON can't carry: pass its text."),
    (object(), "is of type object, which JSON can't carry: pass what identifies it, such as its id, or a dataclass."),
    (Undecorated(1), "is of type tests.json.shapes.Undecorated, which is a dataclass by inheritance only: "),
    (Filled(1), "is of type tests.json.shapes.Filled, a subclass of dict that would not arrive as one: "),
    (Growing(1), "is of type tests.json.shapes.Growing, whose constructor would not make it again from its fields: "),
    (changed(Whole(1), size=True), "is of type tests.json.shapes.Whole, whose constructor would not make it again"),
    (changed(Counted(1), total=5), "is of type tests.json.shapes.Counted, whose constructor would not make it again"),
]  # fmt: skip


def places(value: object) -> list[tuple[dict[str, Any], tuple[object, ...]]]:
    return [
        ({"args": [0, value]}, ("args", 1)),
        ({"args": [[{"a": value}]]}, ("args", 0, 0, "a")),
        ({"args": [(1, (value,))]}, ("args", 0, 1, 0)),
        ({"args": [Point(1, [value])]}, ("args", 0, "y", 0)),
        ({"args": [], "kwargs": {"b": {"$c": value}}}, ("kwargs", "b", "$c")),
        ({"args": [], "headers": {"d": value}}, ("headers", "d")),
    ]


@pytest.mark.parametrize(("value", "problem"), REFUSED, ids=[problem for _, problem in REFUSED])
def test_it_is_refused_at_any_depth_with_its_place(serializer: Serializer, value: Any, problem: str) -> None:
    for payload, path in places(value):
        with pytest.raises(TypeError) as caught:
            serializer.dumps(payload, name_of)
        assert caught.value.path == path  # type: ignore[attr-defined]
        assert str(caught.value).startswith(problem)


@pytest.mark.parametrize("value", [Counted(1), Scaled(2, factor=1), Scaled(0, factor=5)], ids=repr)
def test_a_dataclass_that_its_constructor_makes_again_is_carried(serializer: Serializer, value: object) -> None:
    assert serializer.loads(serializer.dumps({"args": [value]}, name_of), class_of) == {"args": [value]}


@pytest.mark.parametrize("value", [Color.RED, Point(1)], ids=repr)
def test_a_class_that_may_not_be_named_is_refused_with_the_reason(serializer: Serializer, value: object) -> None:
    def forbid(cls: type) -> str:
        raise ForbiddenCallable(cls.__name__, "is not on the allow list.")

    for payload, path in places(value)[:2]:
        with pytest.raises(TypeError, match=r"which no message may name: .* is not on the allow list") as caught:
            serializer.dumps(payload, forbid)
        assert caught.value.path == path  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "wrap", [lambda inner: [inner], lambda inner: {"a": inner}, Point], ids=["list", "dict", "dataclass"]
)
def test_a_hundred_levels_are_carried_and_one_more_is_refused(serializer: Serializer, wrap: Any) -> None:
    value: Any = 1
    for _ in range(99):
        value = wrap(value)
    assert serializer.loads(serializer.dumps({"args": [value]}, name_of), class_of) == {"args": [value]}
    with pytest.raises(TypeError, match="is nested more than 100 levels deep, or holds itself") as caught:
        serializer.dumps({"args": [0, wrap(value)]}, name_of)
    assert caught.value.path == ("args", 1)  # type: ignore[attr-defined]


def test_a_dataclass_that_holds_itself_is_refused(serializer: Serializer) -> None:
    point = Point(1)
    point.x = [point]
    with pytest.raises(TypeError, match="holds itself"):
        serializer.dumps({"args": [point]}, name_of)


def test_a_producer_is_told_which_argument_it_is() -> None:
    with pytest.raises(UncarriableArgument, match=r"kwargs\['point'\]\['tags'\] is a set, which JSON can't carry"):
        Gator("locmem://").task(places, 1, point={"tags": {1}})


def test_options_are_refused() -> None:
    with pytest.raises(OptionError, match="The json serializer has no option 'indent'"):
        Gator("locmem://", serializer_options={"json": {"indent": "2"}})


def test_another_name_is_not_its_business() -> None:
    import alligator_json

    assert alligator_json.make_serializer(name="other", setup=SerializerSetup("other")) is None
