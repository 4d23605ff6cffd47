"""The dead letters of a schema: kept up to a number and an age."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from alligator_core.backend import DeadLetter

from .borrowed import Borrowed
from .link import Row, Statement
from .pool import Pool
from .statements import is_storable

PORTION: Final = 1000


class DeadLetters:
    """What was buried, until it is requeued, purged, too old or one too many."""

    def __init__(self, pool: Pool | Borrowed) -> None:
        self._pool = pool
        self._fill = pool.tables.fill
        self._buried = 0

    def listed(self, queue: str, ids: Collection[str] | None, limit: int, offset: int) -> list[DeadLetter]:
        """List them, the latest first."""
        chosen = None if ids is None else [id for id in ids if is_storable(id)]
        rows = self._run(_LIST, queue, chosen, chosen, limit, offset, repeat=True)
        return [DeadLetter(*row) for row in rows]

    def requeue(self, queue: str, ids: Collection[str] | None) -> list[str]:
        """Move them back, in portions; return the ids of those that could be."""
        moved: list[str] = []
        for portion in self._portions(queue, ids):
            moved += [row[0] for row in self._run(_REQUEUE, queue, portion)]
        return moved

    def purge(self, queue: str, ids: Collection[str] | None) -> int:
        """Remove them, in portions, and return how many."""
        return sum(len(self._run(_PURGE, queue, portion)) for portion in self._portions(queue, ids))

    def trim(self, queues: Iterable[str], buried: int) -> list[Statement]:
        """Remove those that are too old, and now and then those that are too many, `buried` having come."""
        settings, chosen = self._pool.settings, list(set(queues))
        statements = [Statement(self._fill(_TRIM_OLD), (chosen, settings.dead_age))]
        # To count as many as may be kept costs more than a burial: it is done once for a hundredth of them.
        self._buried += buried
        if self._buried >= settings.max_dead // 100:
            self._buried = 0
            statements += [Statement(self._fill(_TRIM_MANY), (queue, settings.max_dead)) for queue in chosen]
        return statements

    def _portions(self, queue: str, ids: Collection[str] | None) -> Iterable[list[str]]:
        chosen = (
            [id for id in ids if is_storable(id)]
            if ids is not None
            else [row[0] for row in self._run(_IDS, queue, repeat=True)]
        )
        return (chosen[start : start + PORTION] for start in range(0, len(chosen), PORTION))

    def _run(self, text: str, *arguments: object, repeat: bool = False) -> list[Row]:
        [rows] = self._pool.run(Statement(self._fill(text), arguments), repeat=repeat)
        return rows


_LIST: Final = """
SELECT id, body, reason, deliveries, extract(epoch FROM buried_at)::float8 FROM {dead}
WHERE queue = %s AND (%s::text[] IS NULL OR id = ANY (%s::text[]))
ORDER BY buried_at DESC, rank DESC LIMIT %s OFFSET %s"""
_IDS: Final = "SELECT id FROM {dead} WHERE queue = %s ORDER BY buried_at, rank"
_REQUEUE: Final = """
WITH found AS MATERIALIZED (
    SELECT queue, id, body, priority, buried_at, rank FROM {dead} WHERE queue = %s AND id = ANY (%s)
    ORDER BY id FOR UPDATE
), added AS (
    INSERT INTO {messages} (queue, id, body, priority, ready_at, delayed, rank)
    SELECT queue, id, body, priority, statement_timestamp(), false, row_number() OVER (ORDER BY buried_at, rank)
    FROM found ORDER BY id
    ON CONFLICT (queue, id) DO NOTHING RETURNING queue, id
), removed AS (
    DELETE FROM {dead} AS d USING added WHERE d.queue = added.queue AND d.id = added.id
)
SELECT id, {ring} FROM added"""
_PURGE: Final = "DELETE FROM {dead} WHERE queue = %s AND id = ANY (%s) RETURNING 1"
_TRIM_OLD: Final = """
DELETE FROM {dead} AS d USING unnest(%s::text[]) AS q(name)
WHERE d.queue = q.name AND d.buried_at < statement_timestamp() - %s * interval '1 second'"""
_TRIM_MANY: Final = """
DELETE FROM {dead} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {dead} WHERE queue = %s ORDER BY buried_at DESC, rank DESC OFFSET %s))"""
