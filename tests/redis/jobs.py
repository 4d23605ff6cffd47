"""Tasks that the tests of this folder enqueue."""

from __future__ import annotations

import threading

held, let_go = threading.Event(), threading.Event()


def count(number: int) -> None:
    """Take no time."""


def hold() -> None:
    """Run until told to end."""
    held.set()
    assert let_go.wait(30.0)
