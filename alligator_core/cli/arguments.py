"""The arguments of a call as they are typed in a shell: JSON where they parse as such, text otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

import click


def read_call(words: Iterable[str]) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and the keyword arguments. Raises a usage error for a keyword given twice.

    A word with a Python name before its first `=` is a keyword argument; every other one is positional.
    """
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            args.append(read_value(word))
        elif name in kwargs:
            raise click.UsageError(f"The argument {name!r} is given twice.")
        else:
            kwargs[name] = read_value(value)
    return args, kwargs


def read_value(text: str) -> Any:
    """Return what JSON makes of a text, or the text itself."""
    try:
        return json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return text


def _no_json(constant: str) -> NoReturn:
    # Python's reader takes NaN and Infinity, which aren't JSON: somebody may well be called Nan.
    raise ValueError(f"{constant} is no JSON")
