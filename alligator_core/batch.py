"""Batches: tasks collected in a `with` block and pushed together at its end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar, Token
from typing import TypeAlias

from .backend import Message
from .task import Task

Pairs: TypeAlias = Sequence[tuple[Task, Message]]


class Batch:
    """What `gator.batch()` returns: the thread or asyncio task in its block has its tasks wait for the end of it."""

    def __init__(self, current: ContextVar[Batch | None], push: Callable[[Pairs], None]) -> None:
        self._collected: list[tuple[Task, Message]] = []
        self._current = current
        self._push = push
        self._token: Token[Batch | None] | None = None
        self._owner: object = None

    @property
    def is_mine(self) -> bool:
        """Whether whoever asks is in the block. A coroutine that was started there inherits its contextvars only."""
        return self._owner == whoever_asks()

    def collect(self, pairs: Pairs) -> None:
        """Let tasks wait for the end of the block."""
        self._collected += pairs

    def __enter__(self) -> Batch:
        self._owner = whoever_asks()
        self._token = self._current.set(self)
        return self

    def __exit__(self, exc_type: type[BaseException] | None, *_: object) -> None:
        """Push what was collected; nothing of it, if the block raised."""
        collected, self._collected, self._owner = self._collected, [], None
        if self._token is not None:
            self._current.reset(self._token)
        if exc_type is None:
            self._push([(task, _as_of_now(task, message)) for task, message in collected])


def whoever_asks() -> tuple[int, object]:
    """Return what tells this thread and asyncio task from all others."""
    asyncio = sys.modules.get("asyncio")
    try:
        task = asyncio.current_task() if asyncio else None
    except RuntimeError:  # no loop runs in this thread
        task = None
    return threading.get_ident(), task


def _as_of_now(task: Task, message: Message) -> Message:
    return message if task.options.delay_until is None else message._replace(delay=task.options.delay)
