"""Tasks that are pushed within the app's own transaction."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

from .backend import Backend
from .batch import Batch, whoever_asks

if TYPE_CHECKING:
    from .gator import Gator


class Using:
    """What `gator.using(connection)` returns: what is enqueued in its block goes by that connection."""

    def __init__(
        self, gator: Gator, backend: Backend, current: ContextVar[Using | None], batch: ContextVar[Batch | None]
    ) -> None:
        self.backend = backend
        self._gator = gator
        self._current = current
        self._batch = batch
        self._tokens: tuple[Token[Using | None], Token[Batch | None]] | None = None
        self._owner: object = None

    @property
    def is_mine(self) -> bool:
        """Whether whoever asks is in the block, and not just a coroutine that was started there."""
        return self._owner == whoever_asks()

    def __enter__(self) -> Gator:
        self._owner = whoever_asks()
        # A batch around the block is pushed after it, and so outside of the transaction: it collects nothing here.
        self._tokens = self._current.set(self), self._batch.set(None)
        return self._gator

    def __exit__(self, *_: object) -> None:
        """End it; whether to commit is the app's business."""
        self._owner = None
        if self._tokens is not None:
            using, batch = self._tokens
            self._current.reset(using)
            self._batch.reset(batch)
