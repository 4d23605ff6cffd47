"""The title that a process has in `ps` and `top`, where setproctitle is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module


def set_title(role: str, name: str, queues: Sequence[str], state: str) -> None:
    """Show `alligator ROLE NAME: queues, state` instead of the command line, whose DSN may have a password in it.

    Does nothing without setproctitle.
    """
    setter = _setter()
    if setter is not None:
        setter(f"alligator {role} {name}: {' '.join(queues)}, {state}")


@cache
def _setter() -> Callable[[str], object] | None:
    try:
        found: Callable[[str], object] = import_module("setproctitle").setproctitle
    except ImportError:
        return None
    return found
