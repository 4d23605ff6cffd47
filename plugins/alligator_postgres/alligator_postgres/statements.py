"""What consumers ask the server for. Each is atomic, goes by the server's clock, and locks in one order.

Whoever reserves or settles locks its consumer's row `FOR KEY SHARE`; whoever declares a consumer dead locks it `FOR
UPDATE` and deletes it. So neither happens during the other: a consumer holds messages as long as its row is there.
"""

from __future__ import annotations

from collections.abc import Sequence

from alligator_core.backend import Delivery, Release, Replace

from .link import Statement
from .schema import Tables

PORTION = 1000
"""How many due messages are made ready at a time, so that others get a turn."""


def is_storable(text: str) -> bool:
    """Whether PostgreSQL's text can be it."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text))


class Statements:
    """The statements of the consumers in one schema."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._takes: dict[tuple[int, bool], bytes] = {}
        self._reap = [Statement(tables.fill(text)) for text in (_MARK_DEAD, _FREE_GONE, _DELETE_GONE)]
        self._texts = {name: tables.fill(text) for name, text in _TEXTS.items()}

    def start(self, holder: str, lease: float) -> Statement:
        """Write down a new consumer; returns its number."""
        return self._statement("start", holder, lease)

    def take(self, number: int, queues: Sequence[str], limit: int, lease: float | None, *, force: bool) -> Statement:
        """Reserve messages, and extend the lease where one is given.

        Returns rows of `(number, next, queue, id, body, deliveries, priority)`: none if the consumer is gone, one
        without an id if there is no message. `next` is in how many seconds something is due or somebody's lease ends;
        unless `force`, nothing is taken if that is over.
        """
        key = (len(queues), lease is not None)
        if key not in self._takes:
            self._takes[key] = self._tables.fill(_take_text(len(queues), extend=lease is not None))
        extend = () if lease is None else (lease,)
        limits = [argument for queue in queues for argument in (queue, force, limit)]
        return Statement(self._takes[key], (*extend, number, number, list(queues), *limits, list(queues)))

    def reap(self) -> list[Statement]:
        """Declare those dead whose lease has run out, and take back what they held."""
        return self._reap

    def promote(self, queues: Sequence[str]) -> Statement:
        """Make ready what is due."""
        return self._statement("promote", list(queues), PORTION)

    def get(self, number: int, queue: str, id: str) -> Statement:
        """Reserve one waiting message."""
        return self._statement("get", number, queue, id)

    def extend(self, number: int, lease: float) -> Statement:
        """Extend a lease; returns a row if the consumer still lives."""
        return self._statement("extend", lease, number)

    def ack(self, number: int, queue: str, ids: Sequence[str]) -> Statement:
        """Remove messages. As all that settle, it returns the queue and id of those that were held."""
        return self._statement("ack", number, queue, list(ids))

    def release(self, number: int, releases: Sequence[Release]) -> Statement:
        """Give messages back."""
        columns = ([each.delay for each in releases], [each.died for each in releases])
        return self._statement("release", number, *_names([each.delivery for each in releases]), *columns)

    def replace(self, number: int, replaces: Sequence[Replace]) -> Statement:
        """Put other messages in the place of these."""
        messages = [each.message for each in replaces]
        columns = (
            [each.body for each in messages],
            [each.priority for each in messages],
            [each.delay for each in messages],
        )
        return self._statement("replace", number, *_names([each.delivery for each in replaces]), *columns)

    def bury(
        self, number: int, deliveries: Sequence[Delivery], reasons: Sequence[str], bodies: Sequence[bytes | None]
    ) -> Statement:
        """Move messages to the dead letters."""
        return self._statement("bury", number, *_names(deliveries), list(reasons), list(bodies))

    def give_back(self, numbers: Sequence[int]) -> list[Statement]:
        """End consumers in good order, and give back all that they hold."""
        return [self._statement("end", list(numbers)), self._statement("free", list(numbers))]

    def move(self, old: Sequence[int], new: int, known: Sequence[Delivery]) -> list[Statement]:
        """Let a new consumer go on with what an old one is known to hold, and end that. Returns what was moved."""
        return [self._statement("end", list(old)), self._statement("move", new, *_names(known), list(old))]

    def move_all(self, old: Sequence[int], new: int) -> list[Statement]:
        """Let a new consumer go on with all that an old one holds, and end that. Returns what was moved."""
        return [self._statement("end", list(old)), self._statement("move_all", new, list(old))]

    def free(self, numbers: Sequence[int]) -> Statement:
        """Give back all that consumers hold."""
        return self._statement("free", list(numbers))

    def take_over(self, number: int, queues: Sequence[str], holder: str) -> list[Statement]:
        """Declare the other consumers of a holder dead, and take what they hold of some queues."""
        return [
            self._statement("mark_holder", number, holder, number),
            self._statement("take_gone", number, list(queues)),
            self._statement("keep_rest"),
            self._statement("move_rest", holder),
            self._reap[-1],
            self._statement("exists", number),
        ]

    def stops(self, number: int) -> Statement:
        """Return the ids of what is held and to be stopped, each once."""
        return self._statement("stops", number)

    def _statement(self, name: str, *arguments: object) -> Statement:
        return Statement(self._texts[name], arguments)


def _names(deliveries: Sequence[Delivery]) -> tuple[list[str], list[str]]:
    return [each.queue for each in deliveries], [each.id for each in deliveries]


_EXTENDED = """me AS MATERIALIZED (
    UPDATE {consumers} SET expires = statement_timestamp() + %s * interval '1 second' WHERE number = %s
    RETURNING number)"""
_HEAD = """, head@ AS MATERIALIZED (
    SELECT ctid AS at, deliveries, @ AS queue, priority, ready_at, rank FROM {messages}
    WHERE queue = %s AND consumer IS NULL AND NOT delayed AND (%s OR (SELECT wait IS NULL OR wait > 0 FROM next))
    ORDER BY priority DESC, (deliveries > 1) DESC, ready_at, rank LIMIT %s@taken FOR UPDATE SKIP LOCKED)"""
_TAKE = """
WITH @me, next AS MATERIALIZED (
    SELECT extract(epoch FROM least(
        (SELECT min(expires) FROM {consumers} WHERE number <> %s),
        (SELECT min(ready_at) FROM unnest(%s::text[]) AS q(name), LATERAL (
            SELECT ready_at FROM {messages} WHERE queue = q.name AND delayed AND consumer IS NULL
            ORDER BY ready_at LIMIT 1) AS first)
    ) - statement_timestamp())::float8 AS wait
)@heads, line AS (
    SELECT at, row_number() OVER w AS place, count(*) FILTER (WHERE deliveries > 1) OVER w AS redelivered
    FROM (@every) AS heads
    WINDOW w AS (ORDER BY queue, priority DESC, (deliveries > 1) DESC, ready_at, rank ROWS UNBOUNDED PRECEDING)
), taken AS (
    UPDATE {messages} SET consumer = (SELECT number FROM me)
    WHERE ctid = ANY (ARRAY(SELECT at FROM line WHERE redelivered = 0 OR place = 1)) AND EXISTS (SELECT FROM me)
    RETURNING {delivery}, ready_at, rank
)
SELECT number, wait, {delivery} FROM me CROSS JOIN next LEFT JOIN taken ON true
ORDER BY array_position(%s::text[], queue), priority DESC, (deliveries > 1) DESC, ready_at, rank"""


def _take_text(queues: int, *, extend: bool) -> str:
    """Return the statement for so many queues: of each, what is at the head of its line, as far as more is wanted."""
    heads = [
        _HEAD.replace("@taken", "".join(map(" - (SELECT count(*) FROM head{})".format, range(number))))
        for number in range(queues)
    ]
    parts = {
        "@me": _EXTENDED if extend else "{me}",
        "@heads": "".join(head.replace("@", str(number)) for number, head in enumerate(heads)),
        "@every": " UNION ALL ".join(f"TABLE head{number}" for number in range(queues)),
    }
    text = _TAKE
    for mark, part in parts.items():
        text = text.replace(mark, part)
    return text


_MARK_DEAD = """
UPDATE {consumers} SET gone = true WHERE number = ANY (ARRAY(
    SELECT number FROM {consumers} WHERE expires < statement_timestamp() ORDER BY number LIMIT 50
    FOR UPDATE SKIP LOCKED))"""
_FREE_GONE = """
WITH freed AS (
    UPDATE {messages} SET consumer = NULL, deliveries = deliveries + 1 WHERE consumer = {all_gone} RETURNING queue
) SELECT {ring} FROM (SELECT DISTINCT queue FROM freed) AS queues"""
_DELETE_GONE = "DELETE FROM {consumers} WHERE gone"

_TEXTS = {
    "start": "INSERT INTO {consumers} (holder, expires) "
    "VALUES (%s, statement_timestamp() + %s * interval '1 second') RETURNING number",
    "promote": """
UPDATE {messages} SET delayed = false WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {messages} WHERE queue = ANY (%s) AND delayed AND consumer IS NULL
    AND ready_at <= statement_timestamp() LIMIT %s FOR UPDATE SKIP LOCKED))""",
    "get": """
WITH {me} UPDATE {messages} SET consumer = number, delayed = false, ready_at = least(ready_at, statement_timestamp())
FROM me WHERE queue = %s AND id = %s AND consumer IS NULL RETURNING {delivery}""",
    "extend": "UPDATE {consumers} SET expires = statement_timestamp() + %s * interval '1 second' "
    "WHERE number = %s RETURNING number",
    "ack": """
WITH {me} DELETE FROM {messages} AS m USING me
WHERE m.queue = %s AND m.id = ANY (%s) AND m.consumer = me.number {settled}""",
    "release": """
WITH {me}, given AS (
    UPDATE {messages} AS m SET consumer = NULL, deliveries = m.deliveries + g.died::integer, delayed = g.delay > 0,
        ready_at = CASE WHEN g.delay > 0 THEN statement_timestamp() + g.delay * interval '1 second'
                   ELSE m.ready_at END
    FROM me, unnest(%s::text[], %s::text[], %s::float8[], %s::boolean[]) AS g(queue, id, delay, died)
    WHERE m.queue = g.queue AND m.id = g.id AND m.consumer = me.number {settled}
) SELECT queue, id, {ring} FROM given""",
    "replace": """
WITH {me}, given AS (
    UPDATE {messages} AS m SET consumer = NULL, deliveries = 1, stop = false, body = g.body, priority = g.priority,
        rank = g.rank, delayed = g.delay > 0, ready_at = statement_timestamp() + g.delay * interval '1 second'
    FROM me, unnest(%s::text[], %s::text[], %b::bytea[], %s::smallint[], %s::float8[])
        WITH ORDINALITY AS g(queue, id, body, priority, delay, rank)
    WHERE m.queue = g.queue AND m.id = g.id AND m.consumer = me.number {settled}
) SELECT queue, id, {ring} FROM given""",
    "bury": """
WITH {me}, buried AS (
    DELETE FROM {messages} AS m
    USING me, unnest(%s::text[], %s::text[], %s::text[], %b::bytea[])
        WITH ORDINALITY AS g(queue, id, reason, body, rank)
    WHERE m.queue = g.queue AND m.id = g.id AND m.consumer = me.number
    RETURNING m.queue, m.id, g.rank, m.deliveries, m.priority, g.reason, coalesce(g.body, m.body) AS body
)
INSERT INTO {dead} AS d (queue, id, buried_at, rank, deliveries, priority, reason, body)
SELECT queue, id, statement_timestamp(), rank, deliveries, priority, reason, body FROM buried ORDER BY queue, id
ON CONFLICT (queue, id) DO UPDATE SET buried_at = excluded.buried_at, rank = excluded.rank,
    deliveries = excluded.deliveries, priority = excluded.priority, reason = excluded.reason, body = excluded.body
RETURNING d.queue, d.id""",
    "end": """
DELETE FROM {consumers} WHERE number = ANY (ARRAY(
    SELECT number FROM {consumers} WHERE number = ANY (%s) ORDER BY number FOR UPDATE))""",
    "free": """
WITH freed AS (UPDATE {messages} SET consumer = NULL WHERE consumer = ANY (%s) RETURNING queue)
SELECT {ring} FROM (SELECT DISTINCT queue FROM freed) AS queues""",
    "move": """
UPDATE {messages} AS m SET consumer = %s FROM unnest(%s::text[], %s::text[]) AS g(queue, id)
WHERE m.consumer = ANY (%s) AND m.queue = g.queue AND m.id = g.id {settled}""",
    "move_all": "UPDATE {messages} SET consumer = %s WHERE consumer = ANY (%s) RETURNING {delivery}",
    "mark_holder": """
WITH {me} UPDATE {consumers} SET gone = true WHERE number = ANY (ARRAY(
    SELECT number FROM {consumers} WHERE holder = %s AND number <> %s ORDER BY number FOR UPDATE))
    AND EXISTS (SELECT FROM me)""",
    "take_gone": "UPDATE {messages} SET consumer = %s WHERE consumer = {all_gone} AND queue = ANY (%s) "
    "RETURNING {delivery}",
    "keep_rest": """
INSERT INTO {consumers} (holder, expires) SELECT holder, max(expires) FROM {consumers} AS c
WHERE gone AND EXISTS (SELECT FROM {messages} WHERE consumer = c.number) GROUP BY holder""",
    "move_rest": """
UPDATE {messages} SET consumer = (SELECT max(number) FROM {consumers} WHERE holder = %s AND NOT gone)
WHERE consumer = {all_gone}""",
    "exists": "SELECT number FROM {consumers} WHERE number = %s",
    "stops": "UPDATE {messages} SET stop = false WHERE consumer = %s AND stop RETURNING id",
}
