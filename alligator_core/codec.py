"""The codec of a Gator: tasks to messages and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from .calls import Policy
from .errors import AlligatorException, MessageError, UncarriableArgument
from .serializer import Serializer
from .signing import Signer
from .task import Task
from .task_options import DEFAULTS, TaskOptions, read_moment
from .wire import (
    LARGEST_BODY,
    LONGEST_NAME,
    MOST_ARGUMENTS,
    MOST_HEADERS,
    SIGNATURE,
    VERSION,
    Payload,
    pack,
    read_payload,
    serializer_of,
    short,
)

if TYPE_CHECKING:
    from .gator import Gator

_PLAIN = {"id", "task", "args", "enqueued_at"}
_new = Task.__new__
_NUMBERS = ("priority", "timeout", "hard_timeout")
_CARRIED_OPTIONS = {"on_start", "on_success", "on_error", "expires_at", *_NUMBERS}


class Codec:
    """Encodes with one serializer, decodes with every one on the accept list, and checks what messages name."""

    def __init__(
        self,
        gator: Gator,
        serializer: Serializer,
        accept: Sequence[str],
        load: Callable[[str], Serializer],
        policy: Policy,
        signer: Signer | None = None,
    ) -> None:
        self._gator = gator
        self._serializer = serializer
        self._load = load
        self._policy = policy
        self._signer = signer
        self._largest = gator.max_body or LARGEST_BODY
        self._accept = tuple(accept)
        self._by_line: dict[bytes, Serializer] = {}
        self._head = pack(serializer.name, b"")
        self._signed_head = pack(serializer.name, b"", b"")[:-1]
        self._dumps = serializer.dumps
        self._find, self._class_name, self._class_of = policy.find, policy.class_name, policy.class_of
        self._task_class = gator.task_class
        self._runs_coroutines = iscoroutinefunction(gator.task_class.run)
        self._options: dict[tuple[object, ...], TaskOptions] = {}

    def encode(self, task: Task) -> bytes:
        """Return the message of a task. Raises EnqueueError if it can't be one."""
        payload: dict[str, Any] = {"id": task.task_id, "task": task.name, "args": list(task.args)}
        if task.kwargs:
            payload["kwargs"] = task.kwargs
        options = task.options
        if len(task.args) + len(task.kwargs) > MOST_ARGUMENTS:
            raise _too_many(task)
        if options is not DEFAULTS:
            self._add_options(payload, options, task.enqueued_at)
        if task.attempt != 1:
            payload["attempt"] = task.attempt
        payload["enqueued_at"] = task.enqueued_at
        if task.has_headers:
            payload["headers"] = _checked_headers(task.headers)
        return self._encode(payload, task.queue)

    def decode(self, body: bytes, queue: str) -> Task:
        """Return the task that a message holds. Raises MessageError or CallableError if it holds none."""
        raw = self._read(body, queue)
        task = _new(self._task_class)
        task.gator = self._gator
        task.queue = queue
        if type(raw) is dict and len(raw) == len(_PLAIN) and raw.keys() == _PLAIN:
            # The usual message has these keys only: what is checked here is all that there is to check.
            task.task_id = id = raw["id"]
            task.args = args = raw["args"]
            task.enqueued_at = enqueued_at = raw["enqueued_at"]
            name = raw["task"]
            task.kwargs = {}
            task.options = DEFAULTS
            if not (
                type(id) is type(name) is str
                and type(args) is list
                and len(name) <= LONGEST_NAME
                and len(args) <= MOST_ARGUMENTS
                and type(enqueued_at) is float
            ):
                read_payload(raw)
        else:
            name = self._fill(task, read_payload(raw))
        callee = self._find(name)
        task.name = callee.name  # the new one, of those that there are by an alias
        task.func = callee.function
        if callee.is_coroutine or self._runs_coroutines:
            task.is_coroutine = True
        if callee.restore is not None:
            task.args, task.kwargs = callee.restore(task.args, task.kwargs)
        return task

    def read(self, body: bytes, queue: str) -> Payload:
        """Return what a message holds without looking for its function. Raises MessageError if it holds no task."""
        return read_payload(self._read(body, queue))

    def again(self, body: bytes, queue: str, *, attempt: int, headers: Mapping[str, str]) -> bytes:
        """Return a message for another attempt at the same call, on the same queue.

        It is made from the message, not from the task: the function may have changed its own arguments.
        """
        payload = {key: value for key, value in self.read(body, queue)._asdict().items() if value}
        payload |= {"attempt": attempt, "headers": _checked_headers(headers)}
        # By the serializer that it came in: another one might not be able to carry it.
        first_line = body.partition(b"\n")[0]
        if self._signer is not None:
            first_line = first_line.partition(SIGNATURE)[0]
        return self._encode(payload, queue, self._serializer_of(first_line))

    def _encode(self, payload: Mapping[str, Any], queue: str, serializer: Serializer | None = None) -> bytes:
        try:
            if serializer is None:
                encoded = self._dumps(payload, self._class_name)
            else:
                encoded = serializer.dumps(payload, self._class_name)
        except AlligatorException:
            raise
        except Exception as exc:  # (an argument's own code may have raised anything)
            raise _uncarriable(payload, exc) from exc
        if serializer is None:
            if self._signer is None:
                return self._head + encoded
            return self._signed_head + self._signer.sign(self._serializer.name, queue, encoded) + b"\n" + encoded
        name = serializer.name
        return pack(name, encoded, self._signer.sign(name, queue, encoded) if self._signer else None)

    def _read(self, body: bytes, queue: str) -> Any:
        if len(body) > self._largest:
            self._check_size(len(body))
        first_line, _, payload = body.partition(b"\n")
        if self._signer is None:
            serializer = self._by_line.get(first_line) or self._serializer_of(first_line)
        else:
            first_line, _, signature = first_line.partition(SIGNATURE)
            serializer = self._by_line.get(first_line) or self._serializer_of(first_line)
            self._verify(self._signer, serializer.name, queue, payload, signature)
        try:
            return serializer.loads(payload, self._class_of)
        except AlligatorException:
            raise
        except Exception as exc:  # (making an argument may run an app's own code)
            raise MessageError(f"Its {serializer.name} payload can't be read: {_cut(exc)}.") from exc

    def _check_size(self, size: int) -> None:
        gator, largest = self._gator, self._largest
        if gator.max_body is None:
            # Late, and for large ones only: a backend may have to ask its server.
            largest = max(largest, gator.backend.limits.max_body)
        if size > largest:
            raise MessageError(
                f"It is {size:,} bytes, above the {largest:,} that this worker reads: Gator(max_body=…)."
            )

    @staticmethod
    def _verify(signer: Signer, serializer: str, queue: str, payload: bytes, signature: bytes) -> None:
        if not signature:
            raise MessageError(
                "It isn't signed, and this worker has a secret: "
                "give its producer the same, by Gator(secret=…) or ALLIGATOR_SECRET."
            )
        if not signer.verify(serializer, queue, payload, signature):
            raise MessageError(
                "Its signature is wrong: it was signed with another secret or for another queue, or changed since."
            )

    def _fill(self, task: Task, payload: Payload) -> str:
        task.task_id = payload.id
        task.args, task.kwargs = payload.args, payload.kwargs
        task.options = self._options_of(payload) if payload.options or payload.retries else DEFAULTS
        task.attempt = payload.attempt
        task.enqueued_at = payload.enqueued_at
        task.headers = payload.headers
        return payload.task

    def _serializer_of(self, first_line: bytes) -> Serializer:
        name = serializer_of(first_line)
        if name not in self._accept:
            accept = ", ".join(self._accept)
            raise MessageError(f"It is serialized with {name!r}; this worker accepts {accept}: Gator(accept=[…]).")
        serializer = self._serializer if name == self._serializer.name else self._load(name)
        if len(self._by_line) < 100:
            self._by_line[first_line] = serializer
        return serializer

    def _add_options(self, payload: dict[str, Any], options: TaskOptions, enqueued_at: float) -> None:
        if options.retries:
            payload["retries"] = options.retries
        named: dict[str, Any] = {
            name: value if isinstance(value, str) else self._policy.name_of(value)
            for name, value in options.callbacks().items()
        }
        for name in _NUMBERS:
            if (value := getattr(options, name)) is not None:
                named[name] = value
        if (expiry := options.expiry(enqueued_at)) is not None:
            named["expires_at"] = expiry
        if named:
            payload["options"] = named

    def _options_of(self, payload: Payload) -> TaskOptions:
        try:
            expiry = payload.options.pop("expires_at", None)
            found = self._checked_options(payload)
            # That differs from task to task, so it is kept out of what is remembered.
            return found if expiry is None else replace(found, expires_at=read_moment("expires_at", expiry))
        except (TypeError, ValueError) as exc:
            raise MessageError(f"Its options can't be read: {_cut(exc)}") from exc

    def _checked_options(self, payload: Payload) -> TaskOptions:
        # Most tasks share a few sets of options: checking each set once keeps it off the hot path.
        key = (payload.retries, *payload.options.items())
        found = self._options.get(key)
        if found is None:
            for name in payload.options.keys() - _CARRIED_OPTIONS:
                raise ValueError(f"wire format {VERSION} knows no option {short(name)}.")
            found = TaskOptions.checked(retries=payload.retries, **payload.options)
            if len(self._options) < 1000:
                self._options[key] = found
        return found


def _cut(exc: Exception) -> str:
    # It quotes what it is about, which may be of any length.
    shown = str(exc)
    return shown if len(shown) <= 500 else f"{shown[:300]}…{shown[-199:]}"


def _too_many(task: Task) -> UncarriableArgument:
    count = len(task.args) + len(task.kwargs)
    problem = f"are {count:,}, and {MOST_ARGUMENTS:,} is the most that a call may have: pass a list, as one of them."
    return UncarriableArgument("its arguments", problem, of=task.name)


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    if len(headers) > MOST_HEADERS:
        raise UncarriableArgument("headers", f"are {len(headers):,}, and {MOST_HEADERS:,} is the most there may be.")
    for name, value in headers.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise UncarriableArgument(f"headers[{name!r}]", f"is {value!r}: headers map text to text.")
    return dict(headers)


def _uncarriable(payload: Mapping[str, Any], exc: Exception) -> UncarriableArgument:
    path: Sequence[object] = getattr(exc, "path", ())
    if isinstance(exc, RecursionError):
        return UncarriableArgument("an argument", "is nested too deeply, or contains itself.", of=payload["task"])
    if not path:
        return UncarriableArgument("an argument", f"can't be carried: {exc}", of=payload["task"])
    first, *rest = path
    place = str(first) + "".join(f"[{key!r}]" for key in rest)
    return UncarriableArgument(place, str(exc), of=payload["task"])
