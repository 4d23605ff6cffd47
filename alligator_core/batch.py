"""Batches: tasks collected in a `with` block and pushed together at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar, Token
from typing import TypeAlias

from .backend import Message
from .task import Task

Pairs: TypeAlias = Sequence[tuple[Task, Message]]


class Batch:
    """What `gator.batch()` returns. Inside the block, what is made in the same context waits in `collected`."""

    def __init__(self, current: ContextVar[Batch | None], push: Callable[[Pairs], None]) -> None:
        self.collected: list[tuple[Task, Message]] = []
        self._current = current
        self._push = push
        self._token: Token[Batch | None] | None = None

    def __enter__(self) -> Batch:
        self._token = self._current.set(self)
        return self

    def __exit__(self, exc_type: type[BaseException] | None, *_: object) -> None:
        """Push what was collected; nothing of it, if the block raised."""
        if self._token is not None:
            self._current.reset(self._token)
        if exc_type is None:
            self._push(self.collected)
