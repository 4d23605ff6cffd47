"""Refusing what can't be pickled, or not be read again, by its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

_DEEPEST: Final = 100
"""Keys of a path; a longer one would only hide which argument it is."""


class Uncarriable(TypeError):
    """A value that a pickle can't carry. `path` holds the keys that lead to it from the payload down."""

    def __init__(self, problem: str, path: tuple[Any, ...] = ()) -> None:
        self.path = path
        super().__init__(problem)


def located(error: Exception, value: object, check: Callable[[object], object]) -> Uncarriable:
    """Return the error for a value that `check` raised this one for, with the path to what is wrong within it."""
    path: list[object] = []
    while len(path) < _DEEPEST:
        for key, item in _items(value):
            try:
                check(item)
            except Exception as exc:  # noqa: BLE001  (an object's own code may raise anything)
                error, value = exc, item
                path.append(key)
                break
        else:
            return Uncarriable(_problem(error), tuple(path))
    return Uncarriable(_problem(error), tuple(path[:2]))


def _items(value: object) -> Iterable[tuple[object, object]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, (list, tuple)) else ()


def _problem(error: Exception) -> str:
    if isinstance(error, Uncarriable):
        return str(error)
    if isinstance(error, RecursionError):
        return "is nested too deeply: pass something flatter."
    return f"can't be pickled so that it can be read again: {type(error).__name__}: {error}"
