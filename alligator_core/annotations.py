"""Turning lists back into tuples where a function's annotations ask for tuples: most formats know lists only."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Convert: TypeAlias = Callable[[Any], Any]
Restore: TypeAlias = Callable[[Sequence[Any], dict[str, Any]], tuple[list[Any], dict[str, Any]]]
"""Takes the args and kwargs of a call, returns them with their tuples restored."""


def restorer(function: Callable[..., Any]) -> Restore | None:
    """Return what restores the tuples of a function's arguments, None if its annotations name no tuple."""
    try:
        parameters = inspect.signature(function).parameters.values()
        constructor: Any = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]
        hints = typing.get_type_hints(constructor)
    except Exception:  # noqa: BLE001  (an annotation is any expression; one that can't be read promises nothing)
        return None
    converts = {p.name: convert for p in parameters if (convert := _converter(hints.get(p.name)))}
    if not converts:
        return None
    by_position = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((converts.get(p.name) for p in parameters if p.kind is p.VAR_POSITIONAL), None)
    others = next((converts.get(p.name) for p in parameters if p.kind is p.VAR_KEYWORD), None)

    def restore(args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        positional = [converts.get(name) for name in by_position[: len(args)]]
        positional += [rest] * (len(args) - len(positional))
        named = {name: converts.get(name) if name in converts else others for name in kwargs}
        return (
            [convert(value) if convert else value for convert, value in zip(positional, args, strict=True)],
            {name: convert(kwargs[name]) if convert else kwargs[name] for name, convert in named.items()},
        )

    return restore


def _converter(hint: Any) -> Convert | None:
    origin, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin is tuple:
        return _to_tuple(arguments)
    if origin in (typing.Union, types.UnionType):
        # With a list among the alternatives, it can't be known which of them was sent.
        if any((typing.get_origin(each) or each) is list for each in arguments):
            return None
        return next(filter(None, map(_converter, arguments)), None)
    if origin is typing.Annotated:
        return _converter(arguments[0])
    if origin is list and arguments:
        return _to_list(_converter(arguments[0]))
    if origin is dict and len(arguments) == 2:
        return _to_dict(_converter(arguments[1]))
    return None


def _to_tuple(arguments: tuple[Any, ...]) -> Convert:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        each = _converter(arguments[0])
        return lambda value: tuple(map(each, value) if each else value) if isinstance(value, list) else value
    converts = [_converter(argument) for argument in arguments]

    def convert(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        if len(converts) != len(value):
            return tuple(value)
        return tuple(each(item) if each else item for each, item in zip(converts, value, strict=True))

    return convert


def _to_list(each: Convert | None) -> Convert | None:
    if each is None:
        return None
    return lambda value: [each(item) for item in value] if isinstance(value, list) else value


def _to_dict(each: Convert | None) -> Convert | None:
    if each is None:
        return None
    return lambda value: {key: each(item) for key, item in value.items()} if isinstance(value, dict) else value
