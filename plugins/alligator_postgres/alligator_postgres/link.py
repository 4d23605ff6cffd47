"""One connection to the server, that waits for no answer longer than it was told."""

from __future__ import annotations

import select
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeVar

import psycopg
from psycopg.rows import tuple_row

T = TypeVar("T")
Row = tuple[Any, ...]


class Statement(NamedTuple):
    """SQL with psycopg's placeholders, and what goes there."""

    text: bytes
    arguments: Sequence[object] = ()


class NoAnswer(psycopg.OperationalError):
    """The server has not answered in time."""


class Patient(psycopg.Connection[Row]):
    """A connection whose every wait has an end: what is lost without a sign would be waited for forever."""

    patience: float = 10.0
    _is_over = False

    def __del__(self, *_: object) -> None:
        """Let a Gator that is dropped be: libpq closes what nobody uses any more, without psycopg's warning."""

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **options: Any) -> T:
        """Wait for an answer. Raises NoAnswer after `patience` seconds, and at once ever after."""
        limit = time.monotonic() + (0.0 if self._is_over else self.patience)
        return super().wait(self._limited(gen, limit), *args, **options)

    def _limited(self, gen: Generator[Any, Any, T], limit: float) -> Generator[Any, Any, T]:
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                # Nothing is ready each time that psycopg's interval is over.
                if not ready and time.monotonic() > limit:
                    self._is_over = True
                    raise NoAnswer(f"no answer within {self.patience:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


class Link:
    """A connection that runs statements; each run is one transaction and one round trip."""

    def __init__(self, connection: psycopg.Connection[Any], *, prepare: bool | None = True) -> None:
        self.connection: Final = connection
        self._prepare = prepare
        self.rung = False
        """Whether a notification has come."""

    @property
    def is_broken(self) -> bool:
        """Whether the connection is of no more use, as far as this side knows."""
        return bool(self.connection.closed or self.connection.broken)

    def run(self, *statements: Statement) -> list[list[Row]]:
        """Run statements, all or none of them, and return the rows of each."""
        if len(statements) == 1:
            return [self._execute(statements[0])]
        with self.connection.pipeline():
            cursors = []
            for statement in statements:
                cursor = psycopg.Cursor(self.connection, row_factory=tuple_row)
                cursors.append(cursor.execute(statement.text, statement.arguments, prepare=self._prepare))
        return [_rows(cursor) for cursor in cursors]

    def _execute(self, statement: Statement) -> list[Row]:
        cursor = psycopg.Cursor(self.connection, row_factory=tuple_row)
        return _rows(cursor.execute(statement.text, statement.arguments, prepare=self._prepare))

    def listen(self, channels: Sequence[str]) -> None:
        """Be rung by notifications on some channels from now on."""
        self.connection.add_notify_handler(lambda _: self.ring())
        for channel in channels:
            self.connection.execute(f'LISTEN "{channel}"'.encode())

    def ring(self) -> None:
        """Note that a notification came."""
        self.rung = True

    def hear(self, wait: float) -> bool:
        """Wait for a notification, and return whether one has come. Raises OperationalError if the connection ended."""
        if not self.rung and _is_readable(self.connection.fileno(), wait):
            self._take_in()
        return self.rung

    def is_stale(self) -> bool:
        """Whether the server has ended an idle connection meanwhile: it has something to say, then."""
        if self.is_broken:
            return True
        with suppress(OSError, psycopg.Error):
            # Notifications, perhaps; or the server's farewell, and the end of the connection after it.
            while _is_readable(self.connection.fileno(), 0.0):
                self._take_in()
            return self.is_broken
        return True

    def close(self) -> None:
        """Close the connection, whatever state it is in."""
        with suppress(psycopg.Error, OSError):
            self.connection.close()

    def _take_in(self) -> None:
        pgconn = self.connection.pgconn
        pgconn.consume_input()
        while pgconn.notifies() is not None:
            self.ring()


def _rows(cursor: psycopg.Cursor[Row]) -> list[Row]:
    return cursor.fetchall() if cursor.description is not None else []


def _is_readable(descriptor: int, wait: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(wait * 1000))
