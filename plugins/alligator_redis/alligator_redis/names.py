"""The keys of a queue: one for each shard, and all that a shard has begins with it."""

from __future__ import annotations

from zlib import crc32


class Names:
    """The shards' keys, by queue. The braces let a cluster keep all of a shard in one slot."""

    def __init__(self, prefix: str, shards: int) -> None:
        self._prefix = prefix
        self._shards = shards
        self._known: dict[str, tuple[bytes, ...]] = {}

    def shards(self, queue: str) -> tuple[bytes, ...]:
        """Return the keys of all shards."""
        keys = self._known.get(queue)
        if keys is None:
            names = [queue, *(f"{queue}\x00{number}" for number in range(1, self._shards))]
            keys = tuple(f"{{{self._prefix}:{name}}}:".encode() for name in names)
            if len(self._known) < 10_000:
                self._known[queue] = keys
        return keys

    def shard(self, queue: str, id: bytes) -> bytes:
        """Return the key of the shard that a message belongs to: always the same, for an id is to be there once."""
        keys = self._known.get(queue) or self.shards(queue)
        return keys[0] if len(keys) == 1 else keys[crc32(id) % len(keys)]

    def is_in(self, key: bytes, queue: str, id: str) -> bool:
        """Whether a shard is the one of an id."""
        return self.shard(queue, id.encode()) == key
