"""The context managers that are open during one run of a task."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")


class Contexts:
    """What a run takes place in. As an ExitStack, which is only made once there is anything to enter: few runs have."""

    __slots__ = ("_stack",)

    def __init__(self) -> None:
        self._stack: ExitStack | None = None

    def enter(self, context: AbstractContextManager[T]) -> T:
        """Enter a context manager, which is left when the run ends."""
        if self._stack is None:
            self._stack = ExitStack()
        return self._stack.enter_context(context)

    def __enter__(self) -> Contexts:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return self._stack is not None and bool(self._stack.__exit__(exc_type, error, trace))
