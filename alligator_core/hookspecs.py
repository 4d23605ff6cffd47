"""The specs that plugins implement: a module or object with any of these functions, marked with `hookimpl`.

Implementations may take any subset of the arguments, by name. Observers (`after_*`, `on_worker_*`, `on_success`,
`on_retry`, `on_dead`) never fail a task: what they raise is logged with the plugin's name, and they can't be wrapped.
Deciders (`before_enqueue`, `before_task`, `on_failure`) do: what they raise is the outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping

    import click

    from .backend import Backend
    from .decisions import Bury, Discard, Retry
    from .dsn import Dsn
    from .gator import Gator
    from .outcome import Outcome
    from .plugin_options import OptionReader
    from .serializer import Serializer, SerializerSetup
    from .task import Task
    from .worker import Worker

PROJECT = "alligator"

SPEC_VERSION: Final = 1
"""The version of all that plugins are built on: these specs, `Backend`, `Consumer` and `Serializer`.

It rises with each addition: a hook, an argument of one, a method, a feature. What there was goes on as it was.
"""

OLDEST_SPEC: Final = 1
"""The oldest version whose plugins still work. It rises when something goes that was deprecated a release before."""

OBSERVERS = frozenset(
    {"after_enqueue", "on_worker_start", "on_worker_stop", "on_success", "on_retry", "on_dead", "after_task"}
)
"""The hooks whose exceptions change nothing."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def make_backend(dsn: Dsn) -> Backend | None:
    """Build the backend of a DSN. Called once, when a Gator first needs it, on the thread that needs it.

    Only the package whose entry point in `alligator.backends` bears the DSN's scheme is asked. Read the DSN's
    options with `dsn.read_options`, so that a misspelt one is an error. Connect late: a Gator is often made at import
    time. Return None only for a DSN that is not yours after all. An exception reaches the caller of the Gator.
    """


@hookspec(firstresult=True)
def make_serializer(name: str, setup: SerializerSetup) -> Serializer | None:
    """Build the serializer of a name. Called once per Gator and name, when a Gator is made or a worker meets the name.

    Only the package whose entry point in `alligator.serializers` bears the name is asked. `setup` says whether messages
    are signed, holds the serializer's options (read them with `setup.read_options`, so that a misspelt one is an error)
    and loads another serializer to be wrapped.
    Return None only if the name is not yours after all. An exception reaches the caller of the Gator.
    """


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add subcommands to the `alligator` command.

    Called once, when a command is asked for that the core doesn't have, and for `alligator plugins`. `cli` is an empty
    group: none of the core's commands can be replaced. An exception is shown as a warning.
    """


@hookspec
def declare_options() -> Mapping[str, OptionReader] | None:
    """Name the options of your own that a task may be given: `gator.options(backoff="linear")`.

    Called on the producer's thread when `gator.options` is given a name that is not the core's, so that a misspelt one
    is still an error there. Return, by name, functions that check a value and return the text that stands for it, or
    raise OptionError; what they raise, and what this raises, reaches the caller. A name of the core's, or one that
    another plugin declares by another function, is a PluginError.

    The text travels in `task.headers` as `option.NAME`: the plugin reads it in the worker's hooks with
    `alligator_core.plugin_options.option_of(task, name)`. So the wire format needs no change for a plugin, any
    language can set the header, and a worker without the plugin runs the task as if it had not been given the option.
    What comes from a queue was not necessarily checked by you: read it as carefully as any input.
    """


@hookspec
def before_enqueue(gator: Gator, task: Task) -> None:
    """Called before a task is encoded, on the producer's thread; also before a task that runs in process.

    May change `task.headers` (a map of strings that travels with the task) and the task's options. Raising `SkipTask`
    leaves it out: the caller gets the task back with status `canceled`. Any other exception reaches the caller, and
    nothing is enqueued.
    """


@hookspec
def after_enqueue(gator: Gator, task: Task) -> None:
    """Called after the backend took a task, on the producer's thread. Exceptions are logged."""


@hookspec
def on_worker_start(worker: Worker) -> None:
    """Called once before a worker reserves its first task, on its main thread. Exceptions are logged."""


@hookspec
def on_worker_stop(worker: Worker) -> None:
    """Called once after a worker has settled its last task, on its main thread. Exceptions are logged.

    Not where the process ends under a task: by a hard time limit, or because what runs can't be interrupted.
    """


@hookspec
def before_task(task: Task) -> None:
    """Called before the function runs, in the same thread and context: contextvars set here are seen by it.

    `task.enter_context(cm)` keeps a context manager open until the function has returned. Raising `Defer(delay)` puts
    the task back unchanged, `Discard(reason)` drops it; any other exception fails the task as if the function had
    raised it.
    """


@hookspec
def on_success(task: Task, result: object) -> None:
    """Called after the function returned, in the same thread and context. Exceptions are logged."""


@hookspec(firstresult=True)
def on_failure(task: Task, error: BaseException) -> Retry | Discard | Bury | None:
    """Decide what becomes of a task that failed, in the thread and context of the function.

    Return `Retry(delay)`, `Discard(reason)` or `Bury(reason)`; the first plugin that does decides. None means no
    opinion: then the task is retried at once while it has `retries` left, and buried after that. Called for each
    failed attempt; `task.attempt` counts from 1. What it raises is the failure from then on.
    """


@hookspec
def on_retry(task: Task, error: BaseException, delay: float) -> None:
    """Called when it is decided that a failed task runs again in `delay` seconds. Exceptions are logged."""


@hookspec
def on_dead(task: Task, error: BaseException) -> None:
    """Called when it is decided that a failed task goes to the dead letters. Exceptions are logged.

    Not called for a message that can't be read, nor for one whose workers died: there is no task to show.
    """


@hookspec
def after_task(task: Task, outcome: Outcome) -> None:
    """Called last, always, once the outcome of a run is decided, in the thread and context of the function.

    Also for what was not run because it had expired, or was asked to stop before; and, in a thread of the worker's,
    for what outlasted its `hard_timeout`, as are `on_failure`, `on_retry` and `on_dead`. For a coroutine it is the
    event loop's thread: hooks that wait there keep all others waiting.
    The backend is told a few milliseconds later, together with others. Exceptions are logged.
    """
