"""The tables: what they hold, and how they come to be, from many processes at once."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from alligator_core.errors import BackendError

from .link import Link, Statement
from .settings import Settings

VERSION: Final = 1
OLDEST_SERVER: Final = 130000

# Ids and queues are compared by their bytes: a collation may call different ones equal, or change with an upgrade.
# `ready_at` is a message's place in the line, or when it is due; `rank` orders those of one push. The indexes are
# partial: what is held is in none that a reserve walks through. Freed pages are soon filled again, so autovacuum
# has to come by early, however large the table was once.
_TABLES: Final = """
CREATE TABLE {consumers} (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    holder text COLLATE "C" NOT NULL,
    expires timestamptz NOT NULL,
    gone boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
CREATE TABLE {messages} (
    queue text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    ready_at timestamptz NOT NULL,
    consumer bigint,
    rank integer NOT NULL,
    deliveries integer NOT NULL DEFAULT 1,
    priority smallint NOT NULL,
    delayed boolean NOT NULL,
    stop boolean NOT NULL DEFAULT false,
    body bytea NOT NULL,
    PRIMARY KEY (queue, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_insert_scale_factor = 0.2);
ALTER TABLE {messages} ALTER body SET STORAGE EXTERNAL;
CREATE INDEX {line} ON {messages} (queue, priority DESC, (deliveries > 1) DESC, ready_at, rank)
    WHERE consumer IS NULL AND NOT delayed;
CREATE INDEX {due} ON {messages} (queue, ready_at) WHERE delayed AND consumer IS NULL;
CREATE INDEX {held} ON {messages} (consumer) WHERE consumer IS NOT NULL;
CREATE TABLE {dead} (
    queue text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    buried_at timestamptz NOT NULL,
    rank integer NOT NULL,
    deliveries integer NOT NULL,
    priority smallint NOT NULL,
    reason text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (queue, id)
);
CREATE INDEX {buried} ON {dead} (queue, buried_at, rank);
"""

# What several statements have in common.
_FRAGMENTS: Final = {
    "rung": "SELECT pg_notify(%s, '') FROM (SELECT FROM added LIMIT 1) AS any_of_them",
    "me": "me AS MATERIALIZED (SELECT number FROM {consumers} WHERE number = %s FOR KEY SHARE)",
    "all_gone": "ANY (ARRAY(SELECT number FROM {consumers} WHERE gone))",
    "delivery": "queue, id, body, deliveries, priority",
    "settled": "RETURNING m.queue, m.id",
    "waits": "CASE WHEN delayed THEN greatest(0, extract(epoch FROM ready_at - statement_timestamp()))::float8 "
    "ELSE 0 END",
}


class Tables:
    """The names of the tables in one schema, quoted, for statements."""

    def __init__(self, schema: str) -> None:
        self.bare = schema
        # A name may hold what psycopg takes for a placeholder.
        self.schema = _quoted(schema).replace("%", "%%")
        self.messages, self.consumers, self.dead = (
            f"{self.schema}.{_quoted(f'alligator_{name}')}" for name in ("messages", "consumers", "dead")
        )
        start = "'" + f"{schema}/".replace("'", "''").replace("%", "%%") + "'"
        hashed = f"encode(sha256(convert_to({start} || queue, 'UTF8')), 'hex')"
        self.ring = f"pg_notify('alligator_' || left({hashed}, 40), '')"
        """The call that wakes the consumers of the column `queue`."""
        for name, fragment in _FRAGMENTS.items():
            setattr(self, name, fragment.format(**vars(self)))

    def fill(self, text: str) -> bytes:
        """Write the names into a statement."""
        return text.format(**vars(self)).encode()

    def channel(self, queue: str) -> str:
        """Return the channel on which a queue's waiting consumers are notified: 63 bytes are all that it may have."""
        return f"alligator_{sha256(f'{self.bare}/{queue}'.encode()).hexdigest()[:40]}"


def prepare(link: Link, settings: Settings) -> None:
    """Bring a new connection into the state that all statements count on. Raises BackendError for an old server."""
    wanted = {
        "default_transaction_isolation": "read committed",
        "client_min_messages": "warning",
        "idle_in_transaction_session_timeout": "0",
        "lock_timeout": "0",
        "statement_timeout": f"{settings.timeout * 1000:.0f}",
        # A plan is kept for long, and may have been made while the table was empty: it must never be one that reads all
        # of the table. The costs that stand for "off" would call the compiler.
        **dict.fromkeys(("enable_seqscan", "enable_bitmapscan", "enable_sort"), "off"),
        **dict.fromkeys(("enable_hashjoin", "enable_mergejoin", "jit"), "off"),
    }
    if settings.synchronous_commit:
        wanted["synchronous_commit"] = settings.synchronous_commit
    sets = "".join(f", set_config('{name}', '{value}', false)" for name, value in wanted.items())
    [[(version, encoding, *_)]] = link.run(
        Statement(
            f"SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'){sets}".encode()
        )
    )
    if version < OLDEST_SERVER:
        raise BackendError(
            f"{settings.shown} is PostgreSQL {version // 10000}: version {OLDEST_SERVER // 10000} or later is needed."
        )
    if encoding != "UTF8":
        raise BackendError(
            f"{settings.shown} is a database in {encoding}: make one for the queues with createdb --encoding=UTF8."
        )


def make(link: Link, settings: Settings, tables: Tables) -> None:
    """Make the tables unless they are there. Raises BackendError for those of another version."""
    found = _version(link, tables)
    if found is None:
        with link.connection.transaction():
            # One at a time: CREATE … IF NOT EXISTS fails where two do it together.
            link.connection.execute("SELECT pg_advisory_xact_lock(%s)", (_lock_number(tables.bare),))
            found = _version(link, tables)
            if found is None:
                _create(link, tables)
                return
    if found != f"alligator {VERSION}":
        raise BackendError(
            f"{settings.shown}: the tables in the schema {tables.bare!r} are of the version {found!r}, and this is "
            f"for 'alligator {VERSION}': use the alligator-postgres that made them, or name another schema= in the DSN."
        )


def _version(link: Link, tables: Tables) -> str | None:
    """Return what the table of messages says of itself; None without it."""
    # By the catalog, which is never refused and knows no error for what isn't there.
    [rows] = link.run(
        Statement(
            b"SELECT coalesce(obj_description(c.oid, 'pg_class'), '') FROM pg_class c JOIN pg_namespace n "
            b"ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = 'alligator_messages'",
            (tables.bare,),
        )
    )
    return rows[0][0] if rows else None


def _create(link: Link, tables: Tables) -> None:
    [[(exists,)]] = link.run(
        Statement(b"SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)", (tables.bare,)),
    )
    text = "" if exists else f"CREATE SCHEMA {tables.schema};"
    indexes = {name: _quoted(f"alligator_{name}") for name in ("line", "due", "held", "buried")}
    text += _TABLES.format(**{**vars(tables), **indexes})
    text += f"COMMENT ON TABLE {tables.messages} IS 'alligator {VERSION}'"
    # Without arguments, a doubled % stays as it is.
    link.connection.execute(text.replace("%%", "%").encode())


def _lock_number(schema: str) -> int:
    return int.from_bytes(sha256(f"alligator {schema}".encode()).digest()[:8], "big", signed=True)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
