"""The backend: what producers and operators need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, Final

from alligator_core import backend as contract
from alligator_core.backend import (
    Backend,
    DeadLetter,
    Entry,
    Limits,
    Message,
    QueueSize,
)
from alligator_core.dsn import Dsn
from alligator_core.errors import PushError

from .client import Client
from .link import milliseconds
from .names import Names
from .settings import Settings

if TYPE_CHECKING:
    from .consumer import RedisConsumer

CHUNK: Final = 500
"""Messages in one call: long enough to make the round trip cheap, short enough to let others in between."""

PORTION: Final = 4 * 1024 * 1024
"""Bytes of bodies in one call, if there is more than one message in it."""


class RedisBackend(Backend):
    """Queues on a Redis or Valkey server."""

    name: ClassVar[str] = "redis"
    features = frozenset(contract.FEATURES) - {contract.TRANSACTIONS}

    def __init__(self, dsn: Dsn) -> None:
        settings = Settings.read(dsn)
        self.limits = Limits(max_body=settings.max_body, max_batch=10_000)
        self._client = Client(settings)
        self._names = Names(settings.prefix, settings.shards)

    def push(self, queue: str, messages: Sequence[Message]) -> None:
        """Add messages that aren't queued yet."""
        if len(messages) == 1:
            [(id, body, priority, delay)] = messages
            if priority == 5 and delay <= 0:
                encoded = id.encode()
                if self._client.push_one(self._names.shard(queue, encoded), encoded, body) != 2:
                    return
        shards: dict[bytes, dict[str, Message]] = {}
        for message in messages:
            # The first of an id counts.
            shards.setdefault(self._names.shard(queue, message.id.encode()), {}).setdefault(message.id, message)
        refused: dict[str, str] = {}
        for key, distinct in shards.items():
            refused.update(self._push(key, list(distinct.values()), len(messages)))
        if refused:
            raise PushError(refused)

    def size(self, queue: str) -> QueueSize:
        """Count the messages of a queue by state."""
        counts = [self._client.call("size", key, repeat=True) for key in self._names.shards(queue)]
        ready, delayed, reserved, dead = map(sum, zip(*counts, strict=True))
        return QueueSize(ready, delayed, reserved, dead)

    def ping(self) -> None:
        """Raise BackendUnavailable unless the server answers."""
        self.size("all")

    def consumer(self, queues: Sequence[str], lease: float, holder: str = "") -> RedisConsumer:
        """Make a consumer of some queues."""
        from .consumer import RedisConsumer  # late: a producer starts faster without

        return RedisConsumer(self._client, self._names, queues, lease, holder)

    def holders(self, queues: Sequence[str]) -> list[str]:
        """Return the names of the holders that hold messages of these queues."""
        keys = [key for queue in queues for key in self._names.shards(queue)]
        found = [_texts(self._client.call("holders", key, repeat=True)) for key in keys]
        return list(dict.fromkeys(holder for holders in found for holder in holders))

    def keep_alive(self, queues: Sequence[str], holder: str, lease: float) -> None:
        """Extend the leases of a holder's consumers."""
        for queue in queues:
            for key in self._names.shards(queue):
                self._client.call("prolong", key, holder, milliseconds(lease), repeat=True)

    def stop(self, queue: str, id: str) -> bool:
        """Ask whoever has reserved a message to stop."""
        return bool(self._client.call("stop", self._names.shard(queue, id.encode()), id, repeat=True))

    def close(self) -> None:
        """Let go of the connections that nobody uses just now."""
        self._client.close()

    def cancel(self, queue: str, id: str) -> Message | None:
        """Take a waiting message off and return it."""
        reply = self._client.call("cancel", self._names.shard(queue, id.encode()), id)
        if reply is None:
            return None
        body, priority, left = reply
        return Message(id, body, priority, left / 1000)

    def peek(self, queue: str, id: str) -> Entry | None:
        """Look at a message that waits or is reserved."""
        reply = self._client.call("peek", self._names.shard(queue, id.encode()), id, repeat=True)
        if reply is None:
            return None
        state, body, priority, deliveries, left = reply
        return Entry(id, body, state.decode(), priority, deliveries, left / 1000)

    def purge(self, queue: str) -> int:
        """Remove all that waits, in portions."""
        return sum(self._repeated("purge", key, 2000) for key in self._names.shards(queue))

    def dead(
        self, queue: str, ids: Collection[str] | None = None, limit: int = 100, offset: int = 0
    ) -> list[DeadLetter]:
        """List dead letters, the latest first."""
        letters: list[DeadLetter] = []
        keys = self._names.shards(queue)
        for key in keys:
            for args in self._choices(queue, key, ids, limit + offset):
                letters += _letters(self._client.call("dead", key, *args, repeat=True))
        if len(keys) > 1:
            letters.sort(key=lambda letter: letter.buried_at, reverse=True)
        return letters[offset : offset + limit]

    def requeue(self, queue: str, ids: Collection[str] | None = None) -> list[str]:
        """Move dead letters back to the queue, the longest buried first."""
        moved: list[str] = []
        for key in self._names.shards(queue):
            if ids is not None:
                for args in self._choices(queue, key, ids):
                    moved += _texts(self._client.call("requeue", key, *args)[1:])
                continue
            rank = 0
            while True:
                count, *now = self._client.call("requeue", key, rank, 500)
                moved += _texts(now)
                # Those that stay, because their id is queued again, are passed over.
                rank += count - len(now)
                if not count:
                    break
        return moved

    def purge_dead(self, queue: str, ids: Collection[str] | None = None) -> int:
        """Remove dead letters, and return how many."""
        if ids is None:
            return sum(self._repeated("purge_dead", key, 1000) for key in self._names.shards(queue))
        removed = 0
        for key in self._names.shards(queue):
            for args in self._choices(queue, key, ids):
                removed += self._client.call("purge_dead", key, "", *args[2:])
        return removed

    def _push(self, key: bytes, messages: list[Message], asked: int) -> dict[str, str]:
        chunks = list(_chunks(messages))
        refused: dict[str, str] = {}
        for name, group in groupby(chunks, key=lambda chunk: chunk[0]):
            part = list(group)
            replies = self._client.stream(key, name, [args for _, args, _ in part])
            for reply, (_, _, ids) in zip(replies, part, strict=True):
                if isinstance(reply, Exception):
                    error = self._client.explain(reply, maybe_applied=False)
                    if len(ids) == asked:
                        raise error from reply
                    refused.update(dict.fromkeys(ids, str(error)))
        return refused

    def _repeated(self, name: str, key: bytes, portion: int) -> int:
        removed = 0
        while count := self._client.call(name, key, portion):
            removed += count
        return removed

    def _choices(self, queue: str, key: bytes, ids: Collection[str] | None, limit: int = 0) -> Iterable[Sequence[Any]]:
        if ids is None:
            return [(0, limit)]
        # No order is lost in the usual case of few; an order of many is that of the portions.
        mine = [id for id in dict.fromkeys(ids) if self._names.is_in(key, queue, id)]
        return [("", "", *mine[i : i + 1000]) for i in range(0, len(mine), 1000)]


def _chunks(messages: list[Message]) -> Iterable[tuple[str, Sequence[Any], list[str]]]:
    kind_of: Callable[[Message], int] = lambda message: -1 if message.delay > 0 else message.priority  # noqa: E731
    for kind, group in groupby(messages, key=kind_of):
        for part in _portions(group):
            ids = [message.id for message in part]
            if kind < 0:
                words = [
                    word for id, body, priority, delay in part for word in (id, body, priority, milliseconds(delay))
                ]
                yield "push_any", words, ids
            else:
                yield "push_many", [kind, *(word for message in part for word in message[:2])], ids


def _portions(messages: Iterable[Message]) -> Iterable[list[Message]]:
    part: list[Message] = []
    size = 0
    for message in messages:
        if part and (len(part) == CHUNK or size + len(message.body) > PORTION):
            yield part
            part, size = [], 0
        part.append(message)
        size += len(message.body)
    if part:
        yield part


def _letters(reply: Sequence[Any]) -> list[DeadLetter]:
    parts = [reply[i : i + 5] for i in range(0, len(reply), 5)]
    return [
        DeadLetter(id.decode(), body, reason.decode("utf-8", "replace"), deliveries, int(buried_at) / 1000)
        for id, body, reason, deliveries, buried_at in parts
    ]


def _texts(ids: Iterable[bytes]) -> list[str]:
    return [id.decode() for id in ids]
