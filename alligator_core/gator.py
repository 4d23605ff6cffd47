"""The Gator: one app's way to its queues."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from . import backend as _backend
from . import constants
from .backend import Backend, Consumer, Delivery, Message
from .batch import Batch
from .calls import Policy
from .codec import Codec
from .decisions import SkipTask
from .dsn import Dsn
from .errors import (
    BodyTooLarge,
    ConfigurationError,
    OptionError,
    TaskFailed,
)
from .observers import notify
from .options import Options
from .plugins import SERIALIZERS, PluginManager, hooks_of
from .producer import Producer
from .queue_operator import QueueOperator
from .serializers import Options as SerializerOptions
from .serializers import Serializers, merged
from .signing import Signer, secrets_of
from .task import Task
from .task_options import DEFAULTS, TaskOptions, checked_name, read_is_async
from .using import Using


class Gator(Producer, QueueOperator):
    """One app's way to its queues: enqueues plain functions, and is what its workers are started with.

    Make one per app, at import time: nothing is connected to before the first task. It can be used from any thread,
    and in a forked child.
    """

    def __init__(
        self,
        dsn: str,
        queue_name: str = constants.ALL,
        task_class: type[Task] = Task,
        backend_class: Callable[[Dsn], Backend] | None = None,
        *,
        serializer: str | None = None,
        accept: Sequence[str] | None = None,
        allow: Sequence[str] | None = None,
        plugins: Iterable[object] | None = None,
        is_async: bool | str = True,
        secret: str | Sequence[str] | None = None,
        serializer_options: Mapping[str, Mapping[str, str]] | None = None,
        max_body: int | None = None,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        """Set up the queues behind a DSN.

        Args:
            dsn: Where the queues are, such as `redis://localhost:6379/0`; `?serializer=…` may name a serializer.
            queue_name: The queue for tasks that name none.
            task_class: A subclass of Task, to wrap every call by overriding `run`. Its `__init__` is not called.
            backend_class: Builds the backend from the parsed DSN, instead of the installed plugin.
            serializer: The installed serializer that encodes arguments; json by default.
            accept: The serializers a worker decodes besides its own; json by default.
            allow: Patterns such as `myapp.*` that a function's `module.name` must match; by default everything an
                app defines, and nothing of the standard library.
            plugins: Hook plugins: names of installed ones, modules or objects. By default those that
                ALLIGATOR_PLUGINS names, with commas between them, and without it all that are installed.
            is_async: False runs tasks in process, at once. Words of an environment variable will do.
            secret: Signs every message, and refuses to run one that isn't signed with it. Several, in a list or
                separated by commas: the first one signs, all of them verify. By default those in ALLIGATOR_SECRET;
                an empty list means no signatures whatever stands there.
            serializer_options: Options of serializers by their names; the DSN's `?NAME.OPTION=…` are the same.
            max_body: Bytes that an encoded task may have: what is larger isn't enqueued, nor decoded by a worker. By
                default what the backend takes is enqueued, and that or 16 MiB is read, whichever is more.
            aliases: Old names of functions and classes, such as `shop:send`, and the new ones, for tasks that were
                enqueued before a renaming.

        Raises DsnError, OptionError, UnknownPluginError or PluginError.
        """
        self._gator = self
        self._queue = checked_queue(queue_name)
        self.dsn = Dsn.parse(dsn)
        self.task_class = task_class
        self.is_async = read_is_async(is_async)
        self.max_body = _checked_size(max_body)
        self.plugins = PluginManager()
        self.policy = Policy(allow, aliases)
        self._defaults = DEFAULTS if self.is_async else TaskOptions(is_async=False)
        self._batch: ContextVar[Batch | None] = ContextVar("batch", default=None)
        self._using: ContextVar[Using | None] = ContextVar("using", default=None)
        self._backend_class = backend_class
        self.plugins.load_hooks(plugins)
        self.codec = self._build_codec(serializer, accept, secrets_of(secret), serializer_options or {})
        self.backend = self._build(self.dsn)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **settings: Any) -> Gator:
        """Make a Gator from the environment: ALLIGATOR_CONN is the DSN.

        ALLIGATOR_PREFIX, where set, is put before the queue's name with `_`; ALLIGATOR_ASYNC is `is_async`,
        ALLIGATOR_SECRET `secret`, and ALLIGATOR_PLUGINS `plugins`, with commas between them.
        `settings` are those of a Gator, and win. Raises ConfigurationError without ALLIGATOR_CONN.
        """
        environ = os.environ if environ is None else environ
        dsn = settings.pop("dsn", None) or environ.get("ALLIGATOR_CONN")
        if not dsn:
            raise ConfigurationError("ALLIGATOR_CONN is not set: set it to a DSN such as redis://localhost:6379/0.")
        queue, prefix = settings.pop("queue_name", constants.ALL), environ.get("ALLIGATOR_PREFIX")
        settings.setdefault("is_async", environ.get("ALLIGATOR_ASYNC") or True)
        settings.setdefault("secret", secrets_of(None, environ))
        settings.setdefault("plugins", hooks_of(environ))
        return cls(dsn, f"{prefix}_{queue}" if prefix else queue, **settings)

    @property
    def queue_name(self) -> str:
        """The queue for tasks that name none."""
        return self._queue

    def build_backend(self, dsn: str) -> Backend:
        """Build a backend for another DSN, with the plugins of this Gator."""
        return self._build(Dsn.parse(dsn))

    def options(self, *, task_id: str | None = None, queue_name: str | None = None, **settings: Any) -> Options:
        """Return what makes tasks under other options. Use it with `with`, or keep it.

        Args:
            task_id: An id of your own, for one task: a push of an id that is queued already is a no-op, on a backend
                with the feature `unique`; on any other it is there twice then.
            queue_name: Another queue.
            settings: `retries` (how often a failed run is repeated), `is_async`, `delay_by` (seconds or timedelta),
                `delay_until` (epoch seconds, datetime or date; naive ones are UTC), `priority` (0 to 9, 9 first), and
                `on_start(task)`, `on_success(task, result)`, `on_error(task, error)`: functions or their paths.
                Limits, each in seconds or as a timedelta, that workers keep (what runs in process has none):
                `timeout` (TaskTimeout is raised in the task), `hard_timeout` (the process ends under it, and it
                fails; by default 5 s after `timeout`) and `expires` (what waits for longer is dropped; a datetime
                will do, or `expires_at` in epoch seconds).
                Beside these, those that hook plugins declare (`backoff` of alligator-retry).

        Raises OptionError for an unknown option or a bad value, UnsupportedFeature if the backend has no such thing.
        """
        queue = self._queue if queue_name is None else checked_queue(queue_name)
        return Options(self, task_id=task_id, queue_name=queue, settings=settings)

    def batch(self) -> Batch:
        """Collect the tasks that are made in a `with` block, and push them together at its end.

        They are on the queue once the block is left; if it raises, none is. Tasks made in other threads and asyncio
        tasks are not collected.
        """
        return Batch(self._batch, self._push_all)

    @property
    def current_batch(self) -> Batch | None:
        """The batch in whose block this is called, None outside of any."""
        batch = self._batch.get()
        return batch if batch is not None and batch.is_mine else None

    def using(self, connection: object) -> Using:
        """Enqueue within a transaction of your own: what is enqueued in the `with` block goes by this connection.

        The tasks are on the queue with your commit, and never after a rollback. Ids, batches and options work as
        elsewhere; hooks are called at once, before the commit. Tasks made in other threads and asyncio tasks don't go
        by the connection.
        Raises UnsupportedFeature unless the backend has `transactions`, OptionError for what is no connection of its.
        """
        self.require(_backend.TRANSACTIONS, "using()")
        return Using(self, self.backend.using(connection), self._using, self._batch)

    @property
    def current_using(self) -> Using | None:
        """The `using` in whose block this is called, None outside of any."""
        using = self._using.get()
        return using if using is not None and using.is_mine else None

    def push(self, task: Task, func: Callable[..., object], *args: Any, **kwargs: Any) -> Task:
        """Enqueue a task that was made by hand, to call a function; run it here if the Gator isn't async."""
        task.to_call(func, *args, **kwargs)
        task.name = self.policy.name_of(func)
        task.queue, task.gator, task.enqueued_at = self._queue, self, time.time()
        if not self.is_async:
            task.options = replace(task.options, is_async=False)
        self.check_options(task.options)
        return self.submit(task)

    def submit(self, task: Task) -> Task:
        """Enqueue a prepared task, or run it here if it isn't async. Most apps call `task` instead."""
        if self._admit(task):
            self._push_all([(task, self._message(task))])
        return task

    def submit_all(self, tasks: Sequence[Task]) -> None:
        """Enqueue prepared tasks, in chunks as large as the backend takes."""
        if self.plugins.hook.before_enqueue.get_hookimpls() or not all(task.options.is_async for task in tasks):
            tasks = [task for task in tasks if self._admit(task)]
        self._push_all([(task, self._message(task)) for task in tasks])

    def pop(self) -> Task | None:
        """Run the next task here, and return it when it has finished; None if none is ready or it will be retried.

        Raises the task's own exception once no retry is left.
        """
        return self._take(lambda consumer: next(iter(consumer.reserve(1, 0)), None))

    def get(self, task_id: str) -> Task | None:
        """Run one waiting task here, whatever its delay. Otherwise as `pop`."""
        self.require(_backend.GET, "get()")
        return self._take(lambda consumer: consumer.get(self._queue, task_id))

    def execute(self, task: Task) -> Any:
        """Run a task in this process, retries included, and return the function's result. Raises what it raises."""
        task.name = task.name or self.policy.name_of(task.func)
        self._run_here(task)
        return task.result

    def close(self) -> None:
        """Let go of connections and files. The next task opens them anew."""
        self.backend.close()

    def check_options(self, options: TaskOptions) -> None:
        """Raise UnsupportedFeature, OptionError or CallableError for options that can't be carried here."""
        for callback in options.callbacks().values():
            if isinstance(callback, str):
                self.policy.check_name(callback)
            else:
                self.policy.name_of(callback)
        if options.priority is not None:
            self.require(_backend.PRIORITY, "priority=")
        if options.delay_by is None and options.delay_until is None:
            return
        self.require(_backend.DELAY, "delay_by= or delay_until=")
        limit = self.backend.limits.max_delay
        if options.delay > limit:
            raise OptionError(
                f"A delay of {options.delay:g} s is above the {limit:g} s that {self.backend.name} can hold."
            )

    def check_size(self, body: bytes) -> None:
        """Raise BodyTooLarge for an encoded task that the backend or this Gator doesn't take."""
        size, limit, own = len(body), self.backend.limits.max_body, self.max_body
        if own is not None and size > own <= limit:
            raise BodyTooLarge(size, own, "Gator(max_body=…) allows")
        if size > limit:
            raise BodyTooLarge(size, limit, f"the {self.backend.name} backend takes")

    def __repr__(self) -> str:
        return f"Gator({str(self.dsn)!r}, {self._queue!r})"

    def _admit(self, task: Task) -> bool:
        """Ask the hooks; run the task here if it isn't async. True if it is to be pushed."""
        hook = self.plugins.hook.before_enqueue
        if hook.get_hookimpls():
            options = task.options
            try:
                hook(gator=self, task=task)
            except SkipTask:
                task.status = constants.CANCELED
                return False
            if task.options is not options:
                self.check_options(task.options)
        if task.options.is_async:
            return True
        self._run_here(task)
        return False

    def _push_all(self, pairs: Sequence[tuple[Task, Message]]) -> None:
        batch = self.current_batch
        if batch is not None:
            batch.collect(pairs)
            return
        using = self.current_using
        backend = self.backend if using is None else using.backend
        size = backend.limits.max_batch
        by_queue: dict[str, list[Message]] = {}
        for task, message in pairs:
            by_queue.setdefault(task.queue, []).append(message)
        for queue, messages in by_queue.items():
            for start in range(0, len(messages), size):
                backend.push(queue, messages[start : start + size])
        if self.plugins.hook.after_enqueue.get_hookimpls():
            for task, _ in pairs:
                notify(self.plugins.hook.after_enqueue, gator=self, task=task)

    def _message(self, task: Task) -> Message:
        body = self.codec.encode(task)
        self.check_size(body)
        options = task.options
        if options is DEFAULTS:
            return Message(task.task_id, body)
        delay = options.delay
        if delay > 0:
            task.status = constants.DELAYED
        priority = constants.DEFAULT_PRIORITY if options.priority is None else options.priority
        return Message(task.task_id, body, priority, delay)

    def _run_here(self, task: Task) -> None:
        # Imported late, here and in _take: a producer that only enqueues starts without what runs tasks.
        from .hosted import run_here

        run_here(self, task)

    def _take(self, take: Callable[[Consumer], Delivery | None]) -> Task | None:
        from .hosted import take_one

        task = take_one(self, take)
        if task is None or task.status == constants.SUCCESS:
            return task
        if task.status == constants.FAILED:
            raise task.error or TaskFailed(f"{task!r} failed.")
        return None

    def _build_codec(
        self, serializer: str | None, accept: Sequence[str] | None, secrets: Sequence[str], options: SerializerOptions
    ) -> Codec:
        name = serializer or self.dsn.options.get("serializer") or "json"
        wanted = () if accept is None else (accept,) if isinstance(accept, str) else tuple(accept)
        accepted = tuple(dict.fromkeys((name, *(("json",) if accept is None else wanted))))
        for each in accepted:
            self.plugins.expect(SERIALIZERS, each)
        serializers = Serializers(self.plugins, merged(self.dsn.serializer_options, options), signed=bool(secrets))
        # Those that were asked for are made now: what is wrong with their options has to be known at the start.
        own, *_ = [serializers.load(each) for each in (name, *wanted)]
        serializers.check_options(accepted)
        return Codec(self, own, accepted, serializers.load, self.policy, Signer(secrets) if secrets else None)

    def _build(self, dsn: Dsn) -> Backend:
        if self._backend_class is None:
            return self.plugins.make_backend(dsn)
        return self._backend_class(dsn.for_backend())


def _checked_size(max_body: int | None) -> int | None:
    if max_body is not None and (type(max_body) is not int or max_body < 1):
        raise OptionError(f"max_body={max_body!r}: it must be a number of bytes, 1 or more.", "max_body")
    return max_body


def checked_queue(name: str) -> str:
    """Return a queue's name if it is one. Raises OptionError."""
    return checked_name("queue_name", name)
