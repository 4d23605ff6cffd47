"""The codec of a Gator: tasks to messages and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeAlias

from .calls import Policy
from .errors import AlligatorException, MessageError, UncarriableArgument
from .serializer import ClassOf, NameOf, Serializer
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

Dumps: TypeAlias = Callable[[Mapping[str, Any], NameOf], bytes]
Loads: TypeAlias = Callable[[bytes, ClassOf], dict[str, Any]]

_FAR = 1e15  # A time beyond it is unusual, and so is one that is no number.
_USUAL_KEYS = 4  # id, task, args and enqueued_at
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
        self._by_line: dict[bytes, tuple[str, Loads]] = {}
        self._head = pack(serializer.name, b"")
        self._signed_head = pack(serializer.name, b"", b"")[:-1]
        self._name, self._dumps = serializer.name, serializer.dumps
        self._find, self._class_name, self._class_of = policy.find, policy.class_name, policy.class_of
        self._task_class = gator.task_class
        self._runs_coroutines = iscoroutinefunction(gator.task_class.run)
        self._options: dict[tuple[object, ...], TaskOptions] = {}

    def encode(self, task: Task) -> bytes:
        """Return the message of a task. Raises EnqueueError if it can't be one."""
        # Written out here and in `decode`: each call of a function would be a twentieth of the whole.
        args = task.args
        if (
            task.options is DEFAULTS
            and not task.kwargs
            and task._headers is None  # noqa: SLF001  (for the same reason)
            and task.attempt == 1
            and len(args) <= MOST_ARGUMENTS
        ):
            payload = {"id": task.task_id, "task": task.name, "args": [*args], "enqueued_at": task.enqueued_at}
        else:
            payload = self._payload_of(task)
        try:
            encoded = self._dumps(payload, self._class_name)
        except Exception as exc:  # (an argument's own code may have raised anything)
            raise _uncarriable(payload, exc) from exc
        if self._signer is None:
            return self._head + encoded
        signature = self._signer.sign(self._name, task.queue, encoded)
        return self._signed_head + signature + b"\n" + encoded

    def decode(self, body: bytes, queue: str) -> Task:
        """Return the task that a message holds. Raises MessageError or CallableError if it holds none."""
        raw = self._read(body, queue)
        task = _new(self._task_class)
        task.gator = self._gator
        task.queue = queue
        name = None
        if type(raw) is dict and len(raw) == _USUAL_KEYS:
            # Most messages have these keys only: what is checked here is all that there is to check.
            try:
                task.task_id = id = raw["id"]
                name = raw["task"]
                task.args = args = raw["args"]
                task.enqueued_at = enqueued_at = raw["enqueued_at"]
                task.kwargs = {}
                task.options = DEFAULTS
                if (
                    type(id) is not str
                    or type(name) is not str
                    or type(args) is not list
                    or type(enqueued_at) is not float
                    or len(name) > LONGEST_NAME
                    or len(args) > MOST_ARGUMENTS
                    or not 0.0 <= enqueued_at <= _FAR
                ):
                    name = None
            except KeyError:
                name = None
        if name is None:
            name = self._take(task, read_payload(raw))
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
        serializer = self._serializer_of(first_line)
        encoded = self._encoded(payload, serializer.dumps)
        signature = self._signer.sign(serializer.name, queue, encoded) if self._signer else None
        return pack(serializer.name, encoded, signature)

    def _encoded(self, payload: Mapping[str, Any], dumps: Dumps) -> bytes:
        try:
            return dumps(payload, self._class_name)
        except AlligatorException:
            raise
        except Exception as exc:  # (an argument's own code may have raised anything)
            raise _uncarriable(payload, exc) from exc

    def _payload_of(self, task: Task) -> dict[str, Any]:
        payload: dict[str, Any] = {"id": task.task_id, "task": task.name, "args": [*task.args]}
        if task.kwargs:
            payload["kwargs"] = task.kwargs
        if len(task.args) + len(task.kwargs) > MOST_ARGUMENTS:
            raise _too_many(task)
        if task.options is not DEFAULTS:
            self._add_options(payload, task.options, task.enqueued_at)
        if task.attempt != 1:
            payload["attempt"] = task.attempt
        payload["enqueued_at"] = task.enqueued_at
        if task.has_headers:
            payload["headers"] = _checked_headers(task.headers)
        return payload

    def _read(self, body: bytes, queue: str) -> Any:
        if len(body) > self._largest:
            self._check_size(len(body))
        first_line, _, payload = body.partition(b"\n")
        if self._signer is None:
            name, loads = self._by_line.get(first_line) or self._reader_of(first_line)
        else:
            first_line, _, signature = first_line.partition(SIGNATURE)
            name, loads = self._by_line.get(first_line) or self._reader_of(first_line)
            if not (signature and self._signer.verify(name, queue, payload, signature)):
                raise _unverified(signature)
        try:
            return loads(payload, self._class_of)
        except AlligatorException:
            raise
        except Exception as exc:  # (making an argument may run an app's own code)
            raise MessageError(f"Its {name} payload can't be read: {_cut(exc)}.") from exc

    def _check_size(self, size: int) -> None:
        gator, largest = self._gator, self._largest
        if gator.max_body is None:
            # Late, and for large ones only: a backend may have to ask its server.
            largest = max(largest, gator.backend.limits.max_body)
        if size > largest:
            raise MessageError(
                f"It is {size:,} bytes, above the {largest:,} that this worker reads: Gator(max_body=…)."
            )

    def _take(self, task: Task, payload: Payload) -> str:
        task.task_id = payload.id
        task.args, task.kwargs = payload.args, payload.kwargs
        task.options = self._options_of(payload) if payload.options or payload.retries else DEFAULTS
        task.attempt = payload.attempt
        task.enqueued_at = payload.enqueued_at
        task.headers = payload.headers
        return payload.task

    def _reader_of(self, first_line: bytes) -> tuple[str, Loads]:
        serializer = self._serializer_of(first_line)
        reader = serializer.name, serializer.loads
        if len(self._by_line) < 100:
            self._by_line[first_line] = reader
        return reader

    def _serializer_of(self, first_line: bytes) -> Serializer:
        name = serializer_of(first_line)
        if name not in self._accept:
            accept = ", ".join(self._accept)
            raise MessageError(f"It is serialized with {name!r}; this worker accepts {accept}: Gator(accept=[…]).")
        return self._serializer if name == self._serializer.name else self._load(name)

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


def _unverified(signature: bytes) -> MessageError:
    if not signature:
        return MessageError(
            "It isn't signed, and this worker has a secret: "
            "give its producer the same, by Gator(secret=…) or ALLIGATOR_SECRET."
        )
    return MessageError(
        "Its signature is wrong: it was signed with another secret or for another queue, or changed since."
    )


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
