"""The worker's log on stderr: a line per record, for people or for programs, at little cost per task."""

from __future__ import annotations

import json
import logging
import os
import re
import select
import socket
import sys
import time
from collections.abc import Callable
from typing import Final

STYLES: Final = ("text", "json")
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
    """Writes each record by one system call and without a lock, so that threads don't wait for each other's lines."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a record. Never raises an Exception: a log that can't be written is no failure of a task."""
        if self.filters and not self.filter(record):
            return False
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            data = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
        except Exception:  # noqa: BLE001  (what is logged may be of the app's own making)
            self.handleError(record)
            return
        try:
            self._write(data)
        except OSError:
            return

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
            message = _harmless(message).replace("\n", "\n    ")
        origin = "" if record.name.startswith("alligator") else f"{record.name}: "
        line = f"{self._at(record)}.{int(record.msecs):03d} {record.levelname} {self._who(record)} {origin}{message}"
        trace = self._traceback(record)
        return f"{line}\n{_harmless(trace)}" if trace else line


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


def _handler() -> logging.Handler:
    try:
        return LineHandler(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return logging.StreamHandler(sys.stderr)  # closed or replaced, by a test say


def _harmless(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text.expandtabs(4))


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
