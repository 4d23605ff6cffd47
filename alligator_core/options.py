"""Options: several tasks made under the same settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .plugin_options import split
from .producer import Producer
from .task import Task, checked_id
from .task_options import TaskOptions

if TYPE_CHECKING:
    from .gator import Gator


class Options(Producer):
    """What `gator.options(…)` returns: it has `task`, `atask`, `map` and `starmap` as the Gator has.

    It can be kept and used any number of times, from any thread, with or without `with`.
    """

    def __init__(self, gator: Gator, *, task_id: str | None, queue_name: str, settings: dict[str, Any]) -> None:
        self._gator = gator
        self._queue = queue_name
        self._task_id = None if task_id is None else checked_id(task_id)
        settings, self._headers = split(gator.plugins, settings)
        self._defaults = TaskOptions.checked(**settings)
        if not gator.is_async and settings.get("is_async", settings.get("async")) is None:
            self._defaults = replace(self._defaults, is_async=False)
        gator.check_options(self._defaults)

    def __enter__(self) -> Options:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing ends here: the tasks are on the queue already."""

    def _make(self, func: Callable[..., object], name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Task:
        task = super()._make(func, name, args, kwargs)
        if self._headers:
            task.headers = self._headers.copy()
        return task

    def __repr__(self) -> str:
        return f"<Options of {self._gator!r}: {self._defaults}>"
