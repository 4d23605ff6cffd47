"""Where the lines of a worker go."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import structlog

from alligator_core.task_log import JsonLines, TextLines

from . import event
from .context import Superseded, TaskContext
from .lines import formatter

TASK_LINES: Final = logging.getLogger("alligator.task")


@contextmanager
def taken_over(style: str | None, worker: str) -> Iterator[None]:
    """Until the end, write all that the command line's own handler gets in one format, with the ids of tasks.

    Handlers of the app's own stay as they are, and find these ids in the records.
    """
    with ExitStack() as undo:
        ours = [_take_over(handler, style, worker, undo.callback) for handler in logging.root.handlers]
        if any(ours) and not structlog.is_configured():
            _set_up_structlog(undo.callback)
        if TASK_LINES.getEffectiveLevel() < logging.WARNING:
            # The line about each task that ended is not even made then. Warnings go on.
            undo.callback(TASK_LINES.setLevel, TASK_LINES.level)
            TASK_LINES.setLevel(logging.WARNING)
        yield


def supersede() -> None:
    """Drop what the core logs about failures of the tasks that are followed. May be called again."""
    if not any(isinstance(each, Superseded) for each in TASK_LINES.filters):
        TASK_LINES.addFilter(Superseded())


def _take_over(handler: logging.Handler, style: str | None, worker: str, undo: Callable[..., object]) -> bool:
    before = handler.formatter
    if not isinstance(before, TextLines | JsonLines):
        context = TaskContext()
        handler.addFilter(context)
        undo(handler.removeFilter, context)
        return False
    terminal = _is_terminal()
    chosen = style or ("text" if terminal and isinstance(before, TextLines) else "json")
    handler.setFormatter(formatter(chosen, worker, colors=terminal))
    undo(handler.setFormatter, before)
    return True


def _is_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False  # it is closed


def _set_up_structlog(undo: Callable[..., object]) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    event.set_up_here = True

    def reset() -> None:
        structlog.reset_defaults()
        event.set_up_here = False

    undo(reset)
