"""The app's own connection, in the place of a pool."""

from __future__ import annotations

from typing import Any, Final

import psycopg

from alligator_core.errors import OptionError

from .failures import explained, without_secrets
from .link import Link, Row, Statement
from .pool import Pool


class Borrowed:
    """Runs statements by a connection that belongs to the app: as a part of its transaction, if it is in one."""

    def __init__(self, pool: Pool, connection: object) -> None:
        self.settings: Final = pool.settings
        self.tables: Final = pool.tables
        self._pool = pool
        self._connection = _checked(connection)

    def run(self, *statements: Statement, repeat: bool = False) -> list[list[Row]]:  # noqa: ARG002
        """Run statements, all or none of them. Nothing is repeated: an error ends the app's transaction."""
        self._pool.make_ready()
        try:
            return self._run(statements)
        except (psycopg.Error, OSError) as exc:
            failed = exc
        sent = self._connection.autocommit
        raise explained(
            failed, "The connection given to using()", sent=sent, broken=self._connection.closed
        ) from without_secrets(failed)

    def close(self) -> None:
        """Leave the connection to the app."""

    def _run(self, statements: tuple[Statement, ...]) -> list[list[Row]]:
        link = Link(self._connection, prepare=None)
        if len(statements) == 1:
            return link.run(*statements)
        with self._connection.transaction():
            return [rows for statement in statements for rows in link.run(statement)]


def _checked(connection: object) -> psycopg.Connection[Any]:
    if not isinstance(connection, psycopg.Connection):
        raise OptionError(
            f"using() takes a psycopg.Connection, no {type(connection).__module__}.{type(connection).__qualname__}. "
            "Of SQLAlchemy, pass session.connection().connection.driver_connection; "
            "of Django, django.db.connection.connection.",
            "connection",
        )
    return connection
