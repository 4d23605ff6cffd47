"""Simple offline task queues: `gator = Gator("sqlite:///queue.db")`, then `gator.task(function, …)`.

This is what apps import. Authors of plugins import `alligator_core`.
"""

from typing import TYPE_CHECKING

from alligator_core import __version__
from alligator_core.constants import ALL, CANCELED, DELAYED, EXPIRED, FAILED, RETRYING, SUCCESS, WAITING
from alligator_core.decisions import Bury, Defer, Discard, Retry, SkipTask
from alligator_core.errors import (
    AlligatorException,
    BackendError,
    BackendUnavailable,
    BodyTooLarge,
    CallableError,
    ConfigurationError,
    DsnError,
    EnqueueError,
    ForbiddenCallable,
    MessageError,
    MultipleDelayError,
    OptionError,
    PluginError,
    PushError,
    TaskCancelled,
    TaskFailed,
    TaskTimeout,
    UncarriableArgument,
    UnknownCallableError,
    UnknownModuleError,
    UnknownPluginError,
    UnsupportedFeature,
)
from alligator_core.gator import Gator
from alligator_core.hookspecs import hookimpl
from alligator_core.options import Options
from alligator_core.outcome import Outcome
from alligator_core.task import Task, current_task

if TYPE_CHECKING:
    from alligator_core.worker import Worker

__all__ = [
    "ALL",
    "CANCELED",
    "DELAYED",
    "EXPIRED",
    "FAILED",
    "RETRYING",
    "SUCCESS",
    "WAITING",
    "AlligatorException",
    "BackendError",
    "BackendUnavailable",
    "BodyTooLarge",
    "Bury",
    "CallableError",
    "ConfigurationError",
    "Defer",
    "Discard",
    "DsnError",
    "EnqueueError",
    "ForbiddenCallable",
    "Gator",
    "MessageError",
    "MultipleDelayError",
    "OptionError",
    "Options",
    "Outcome",
    "PluginError",
    "PushError",
    "Retry",
    "SkipTask",
    "Task",
    "TaskCancelled",
    "TaskFailed",
    "TaskTimeout",
    "UncarriableArgument",
    "UnknownCallableError",
    "UnknownModuleError",
    "UnknownPluginError",
    "UnsupportedFeature",
    "Worker",
    "current_task",
    "hookimpl",
    "__version__",
]


def __getattr__(name: str) -> object:
    # Late: most processes that import this only enqueue, and should start fast.
    if name == "Worker":
        from alligator_core.worker import Worker

        return Worker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
