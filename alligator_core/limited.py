"""A coroutine with a time limit: what cancels it at its limit arrives as TaskTimeout where it waits."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Coroutine, Generator
from typing import Any

from .errors import TaskTimeout


class TimedOut(TaskTimeout, CancelledError):
    """TaskTimeout as a coroutine sees it.

    It is a CancelledError besides, for the sake of what cleans up on that only: `asyncio.wait_for` and its like.
    """


class Limited(Generator[Any, Any, Any]):
    """Awaits a coroutine; after `expire`, the cancellation that follows is TaskTimeout in there."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self._expired = False

    def expire(self) -> None:
        """Turn the next CancelledError into TaskTimeout."""
        self._expired = True

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    def send(self, value: Any) -> Any:
        """Go on with the coroutine."""
        return self._coroutine.send(value)

    def throw(self, typ: Any, val: Any = None, tb: Any = None) -> Any:  # noqa: ARG002
        """Raise an error where the coroutine waits."""
        error = typ if isinstance(typ, BaseException) else val if isinstance(val, BaseException) else typ()
        if self._expired and isinstance(error, CancelledError):
            self._expired = False
            error = TimedOut()
        return self._coroutine.throw(error)

    def close(self) -> None:
        """End the coroutine where it waits."""
        self._coroutine.close()
