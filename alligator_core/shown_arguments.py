"""A task's arguments as a log or an error report may show them, for plugins."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from itertools import islice
from typing import Any, Final, TypeAlias

from .task import Task
from .task_log import without_secrets

Redact: TypeAlias = Callable[[str, object], object]
"""Takes an argument's name and value, and returns what is shown of it."""

HIDDEN: Final = "***"
LONGEST: Final = 200
DEEPEST: Final = 5
_SECRET: Final = re.compile(
    r"passw|passphrase|^pass$|pwd|secret|token|api_?key|private_?key|auth(?!ors?($|_))|credential|cookie", re.IGNORECASE
)


def mask_secrets(name: str, value: object) -> object:
    """Return the value of an argument, unless its name is that of a secret: password, token, api_key and the like."""
    return HIDDEN if _SECRET.search(name) else value


def shown_arguments(task: Task, redact: Redact) -> dict[str, str]:
    """Return the arguments of a task by their names in its function, as text of some length."""
    return {name: _shown(name, value, redact) for name, value in _named(task).items()}


def _named(task: Task) -> dict[str, object]:
    try:
        signature = inspect.signature(task.func)  # type: ignore[arg-type]
        return dict(signature.bind(*task.args, **task.kwargs).arguments)
    except (TypeError, ValueError):  # it can't be called so, or has no signature
        return {**{f"args[{place}]": value for place, value in enumerate(task.args)}, **task.kwargs}


def _shown(name: str, value: object, redact: Redact, depth: int = 0) -> str:
    try:
        shown = redact(name, value)
        if shown is not value:
            return _cut(without_secrets(shown if isinstance(shown, str) else repr(shown)))
        return _entries(name, value, redact, depth + 1) or _cut(without_secrets(repr(value)))
    except Exception as exc:  # noqa: BLE001  (what can't be shown for sure is not shown)
        return f"(not shown: {type(exc).__name__})"


def _entries(name: str, value: object, redact: Redact, depth: int) -> str:
    if is_dataclass(value) and hasattr(type(value).__repr__, "__wrapped__"):  # with the repr that dataclass made
        return _fields(value, redact, depth)
    if not value or not isinstance(value, dict | list | tuple | set | frozenset):
        return ""
    if depth > DEEPEST:
        return "…"
    if isinstance(value, dict):
        # Also what `**kwargs` took, and settings that are handed on in one.
        shown = ", ".join(f"{key}: {_shown(str(key), value[key], redact, depth)}" for key in _first(value))
        return _cut(f"{{{shown}}}")
    shown = ", ".join(_shown(name, item, redact, depth) for item in _first(value))
    return _cut(f"[{shown}]")


def _fields(value: Any, redact: Redact, depth: int) -> str:
    if depth > DEEPEST:
        return "…"
    # As its repr, fields that this leaves out included.
    shown = [
        f"{each.name}={_shown(each.name, getattr(value, each.name), redact, depth)}"
        for each in fields(value)
        if each.repr and hasattr(value, each.name)
    ]
    return _cut(f"{type(value).__qualname__}({', '.join(shown)})")


def _first(items: Iterable[object]) -> Iterator[Any]:
    return islice(items, LONGEST // 10)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
