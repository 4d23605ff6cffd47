"""Queues in a PostgreSQL database, and tasks that are enqueued within the app's own transactions.

`postgres://user:password@host:port/database?option=value`; `postgresql://` is the same.
"""

from __future__ import annotations

from alligator_core import hookimpl
from alligator_core.backend import Backend
from alligator_core.dsn import Dsn
from alligator_core.errors import ConfigurationError

alligator_spec_version = 1


@hookimpl
def make_backend(dsn: Dsn) -> Backend:
    """Return the backend of a DSN, which connects on its first use."""
    # Imported late: the command line and `alligator plugins` load this package without a need for psycopg.
    try:
        from .backend import PostgresBackend
        from .pool import Pool
    except ImportError as exc:
        # psycopg alone is pure Python, and looks for the system's libpq.
        raise ConfigurationError(
            f"psycopg can't be used ({exc}): pip install 'alligator-postgres[binary]', or install libpq."
        ) from exc
    from .settings import Settings

    return PostgresBackend(Pool(Settings.read(dsn)))
