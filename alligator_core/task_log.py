"""The worker's log on stderr: a line per record, for people or for programs, at little cost per task."""

from __future__ import annotations

import json
import logging
import os
import re
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

STYLES: Final = ("text", "json")
TOGETHER: Final = 0.01
"""Seconds that a line waits for others at most, if the last one was written less than that ago."""
PATIENCE: Final = 1.0
"""Seconds that a line waits for a reader of a full pipe, before it is dropped: a log must not stop the work."""

_CREDENTIALS: Final = re.compile(r"://[^\s'\"@]*(?:@[^\s'\"@/]*)*@")


def set_up_log(style: str, level: int | str, name: str = "") -> bool:
    """Log to stderr from a level on, unless the app has set up logging by itself. Returns whether it was done.

    `style` is "text" or "json"; `name` is the worker's, the host's by default.
    """
    if logging.root.handlers or logging.getLogger("alligator").handlers:
        return False
    handler = _handler()
    handler.setFormatter((JsonLines if style == "json" else TextLines)(name or socket.gethostname()))
    logging.root.addHandler(handler)
    logging.root.setLevel(level)
    return True


class LineHandler(logging.Handler):
    """Writes lines at once, unless they come fast: then those of 10 ms together, from a thread of its own.

    A write lets go of the GIL, and may wait long to get it back: a few thousand of them a second would cost more than
    the tasks. Warnings and errors are always written at once, with all that came before them.
    """

    _is_due: bool

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd
        self._written_at = 0.0
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin)

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a record, without a lock per line. Never raises an Exception: that would be no failure of a task."""
        if self.filters and not self.filter(record):
            return False
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, now or soon."""
        try:
            line = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
        except Exception:  # noqa: BLE001  (what is logged may be of the app's own making)
            self.handleError(record)
            return
        self._lines.append(line)
        if record.levelno >= logging.WARNING or abs(record.created - self._written_at) > TOGETHER:
            self._written_at = record.created
            self.flush()
        elif not self._is_due:
            self._is_due = True
            self._write_soon()

    def flush(self) -> None:
        """Write what waits."""
        with self._writing:
            # One that ends the process unasked loses what was made in its last 10 ms, and no more.
            data = b"".join(self._lines.popleft() for _ in range(len(self._lines)))
            with suppress(OSError):
                self._write(data)

    def _begin(self) -> None:
        # In a forked child too: what its parent had to write is its parent's, and so was the thread.
        self._lines: deque[bytes] = deque()
        self._writing = threading.Lock()
        self._is_due = False
        self._due = threading.Event()
        self._thread: threading.Thread | None = None

    def _write_soon(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="alligator-log", daemon=True)
            self._thread.start()
        self._due.set()

    def _run(self) -> None:
        while self._due.wait():
            self._due.clear()
            time.sleep(TOGETHER)
            self._is_due = False  # first: whoever appends from now on sees to it by itself
            self.flush()

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                if not select.select([], [self._fd], [], PATIENCE)[1]:
                    return


class _Lines(logging.Formatter):
    def __init__(self, name: str, moment: Callable[[float], str]) -> None:
        super().__init__()
        self._name = name
        self._moment = moment
        self._second, self._shown = -1, ""

    def _at(self, record: logging.LogRecord) -> str:
        # The part that changes once a second is made once a second. Threads may both make it: each has its own pair.
        second = int(record.created)
        known, shown = self._second, self._shown
        if known != second or not shown.startswith(f"{second}|"):
            shown = f"{second}|{self._moment(second)}"
            self._second, self._shown = second, shown
        return shown.partition("|")[2]

    def _who(self, record: logging.LogRecord) -> str:
        return f"{self._name}:{record.process or os.getpid()}"

    def _traceback(self, record: logging.LogRecord) -> str:
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            try:
                record.exc_text = self.formatException(record.exc_info)
            except Exception as exc:  # noqa: BLE001  (what is shown of an error may be its own code)
                record.exc_text = f"{record.exc_info[0].__qualname__}, which can't be shown: {type(exc).__name__}"
        return without_secrets("\n".join(filter(None, (record.exc_text, record.stack_info))))


class TextLines(_Lines):
    """A record for people: `2026-11-24 08:13:27.123 INFO mailer:4242 shop.mail:send 019a… success in 1.2 ms`.

    Nothing in a message can steer a terminal or pass for a record of its own: its further lines are indented.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, lambda second: time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second)))

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text: the local time, level, worker, message; other loggers than ours are named."""
        message = message_of(record)
        if not message.isprintable():
            message = harmless(message).replace("\n", "\n    ")
        origin = "" if record.name.startswith("alligator") else f"{record.name}: "
        line = f"{self._at(record)}.{int(record.msecs):03d} {record.levelname} {self._who(record)} {origin}{message}"
        trace = self._traceback(record)
        return f"{line}\n{harmless(trace)}" if trace else line


class JsonLines(_Lines):
    """A record for programs: one JSON object on a line.

    Always `time` (ISO 8601, UTC), `level`, `logger`, `message`, `worker`, `pid`; where there is one, `exception`; for
    a task that ended the fields of its record's `alligator`.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, lambda second: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON. A value that JSON doesn't have is shown by its repr."""
        fields: dict[object, object] = {
            "time": f"{self._at(record)}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": message_of(record),
            "worker": self._who(record),
            "pid": record.process or os.getpid(),
        }
        if trace := self._traceback(record):
            fields["exception"] = trace
        of_the_task = getattr(record, "alligator", None)
        if isinstance(of_the_task, dict):
            fields = {**fields, **of_the_task, **fields}  # these first, and never hidden by those
        try:
            return _encode(fields)
        except (ValueError, TypeError, RecursionError):
            return _encode({key if isinstance(key, str) else _repr(key): _plain(fields[key]) for key in fields})


def message_of(record: logging.LogRecord) -> str:
    """Return what a record says, without secrets, also if its arguments don't fit."""
    try:
        text = record.getMessage()
    except Exception as exc:  # noqa: BLE001  (its arguments are of the app's own making)
        text = f"{_repr(record.msg)} (its arguments can't be shown: {type(exc).__name__})"
    return without_secrets(text)


def without_secrets(text: str) -> str:
    """Return a text in which no URL shows its user and password."""
    return _CREDENTIALS.sub("://***@", text) if "://" in text else text


def harmless(text: str) -> str:
    """Return a text that can't steer a terminal: what isn't printable is escaped, but for line ends."""
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text.expandtabs(4))


def _handler() -> logging.Handler:
    try:
        return LineHandler(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return logging.StreamHandler(sys.stderr)  # closed or replaced, by a test say


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _plain(value: object) -> object:
    try:
        _encode(value)
    except (ValueError, TypeError, RecursionError):
        return _repr(value)
    return value


def _repr(value: object) -> str:
    try:
        return repr(value)[:1000]
    except Exception as exc:  # noqa: BLE001  (it's of the app's own making)
        return f"<{type(value).__name__}, which can't be shown: {type(exc).__name__}>"


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_repr).encode
