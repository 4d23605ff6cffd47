"""Leaving before the work has begun: told to stop while the app is still being imported."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Told(BaseException):
    """The process was told to stop: whatever it does now has no purpose any more."""


@contextmanager
def leaving_when_told() -> Iterator[Callable[[], None]]:
    """End the command with exit code 0 on SIGTERM or SIGINT in the block; a second signal ends it at once.

    A worker that runs in the block has these signals for itself. What is yielded leaves if a signal came that the
    app's code has swallowed.
    """
    told = False

    def received(*_: object) -> None:
        nonlocal told
        if told:
            os._exit(0)
        told = True
        raise Told

    def check() -> None:
        if told:
            raise Told

    previous = {number: signal.signal(number, received) for number in SIGNALS}
    try:
        yield check
    except BaseException as exc:
        if told:
            # Whatever the app's code made of it: nothing was begun, so nothing went wrong.
            raise click.exceptions.Exit(0) from exc
        raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
