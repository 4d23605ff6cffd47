from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Optional, Union

import pytest

from alligator import Gator
from alligator_core.annotations import restorer

from . import jobs
from .helpers import drain


def plain(a: int, b: list[int], *, c: dict[str, int]) -> None: ...


def unannotated(a, b=(), *rest, **others): ...  # type: ignore[no-untyped-def]


def any_tuple(a: tuple) -> None: ...  # type: ignore[type-arg]


def pair(a: tuple[int, str]) -> None: ...


def many(a: tuple[int, ...]) -> None: ...


def nested(a: tuple[tuple[int, int], ...]) -> None: ...


def in_list(a: list[tuple[int, int]]) -> None: ...


def in_dict(a: dict[str, tuple[int, int]]) -> None: ...


def optional(a: tuple[int, int] | None = None) -> None: ...


def old_optional(a: Optional[tuple[int, int]] = None) -> None: ...  # noqa: UP045


def either(a: Union[int, tuple[int, int]] = 0) -> None: ...  # noqa: UP007


def tuple_or_list(a: tuple[int, ...] | list[int]) -> None: ...


def annotated(a: Annotated[tuple[int, int], "x"]) -> None: ...


def rest(first: int, *a: tuple[int, int]) -> None: ...


def others(**a: tuple[int, int]) -> None: ...


def keyword(*, a: tuple[int, int]) -> None: ...


def unreadable(a: NoSuchName, b: tuple[int, int]) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@dataclass
class Box:
    size: tuple[int, int]


class Crate:
    def __init__(self, size: tuple[int, int]) -> None: ...


class Chest(Crate): ...


def restored(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    restore = restorer(function)
    assert restore is not None
    positional, named = restore(list(args), kwargs)
    return list(positional), named


@pytest.mark.parametrize("function", [plain, unannotated, print, tuple_or_list, unreadable])
def test_a_function_whose_annotations_promise_no_tuple_costs_nothing(function: Callable[..., Any]) -> None:
    assert restorer(function) is None


@pytest.mark.parametrize(
    ("function", "sent", "arrived"),
    [
        (any_tuple, [1, [2]], (1, [2])),
        (pair, [1, "a"], (1, "a")),
        (many, [1, 2, 3], (1, 2, 3)),
        (many, [], ()),
        (nested, [[1, 2], [3, 4]], ((1, 2), (3, 4))),
        (in_list, [[1, 2]], [(1, 2)]),
        (in_dict, {"x": [1, 2]}, {"x": (1, 2)}),
        (optional, [1, 2], (1, 2)),
        (optional, None, None),
        (old_optional, [1, 2], (1, 2)),
        (either, [1, 2], (1, 2)),
        (either, 5, 5),
        (annotated, [1, 2], (1, 2)),
        (Box, [1, 2], (1, 2)),
        (Crate, [1, 2], (1, 2)),
        (Chest, [1, 2], (1, 2)),
    ],
)
def test_a_list_becomes_the_tuple_that_the_annotation_says(
    function: Callable[..., Any], sent: object, arrived: object
) -> None:
    assert restored(function, sent) == ([arrived], {})
    name = next(iter(inspect.signature(function).parameters))
    assert restored(function, **{name: sent}) == ([], {name: arrived})


@pytest.mark.parametrize("sent", ["text", 5, {"a": 1}, [1, 2, 3]])
def test_a_value_that_is_not_what_the_annotation_says_arrives_all_the_same(sent: object) -> None:
    [arrived], _ = restored(pair, sent)
    assert arrived == (tuple(sent) if isinstance(sent, list) else sent)


def test_each_of_any_number_of_arguments_is_restored() -> None:
    assert restored(rest, 1, [1, 2], [3, 4]) == ([1, (1, 2), (3, 4)], {})
    assert restored(others, x=[1, 2], y=[3, 4]) == ([], {"x": (1, 2), "y": (3, 4)})
    assert restored(keyword, a=[1, 2]) == ([], {"a": (1, 2)})


def test_too_many_arguments_are_left_to_the_function_to_refuse() -> None:
    assert restored(pair, [1, "a"], [3]) == ([(1, "a"), [3]], {})
    assert restored(keyword, a=[1, 2], b=[3])[1] == {"a": (1, 2), "b": [3]}


def test_tuples_arrive_as_tuples_where_the_function_says_so(gator: Gator) -> None:
    gator.task(jobs.pairs, (1, 2), [(3,), (4, 5)], named={"x": ("a", "b")})
    drain(gator)
    assert jobs.ran == [((1, 2), [(3,), (4, 5)], {"x": ("a", "b")})]


def test_a_tuple_arrives_as_a_list_where_the_function_does_not_say(gator: Gator) -> None:
    gator.task(jobs.note, (1, (2, 3)))
    drain(gator)
    assert jobs.ran == [[1, [2, 3]]]
