"""The orders in which `locmem://` keeps waiting messages: by their place in the line, and by when they are due."""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush

from .backend import Delivery

# What was taken out of the middle stays in place as a tombstone until it comes up, or until there are this many more
# of them than of the living.
_TOMBSTONES = 64


class Lane:
    """The ready messages of one queue and priority, in the order of their tokens."""

    __slots__ = ("_gone", "_redelivered", "_returned", "append", "fresh")

    def __init__(self) -> None:
        self.fresh: deque[Delivery] = deque()
        self.append = self.fresh.append
        """Put one at the end of the line."""
        self._returned: list[tuple[int, Delivery]] = []
        self._redelivered: list[tuple[int, Delivery]] = []
        self._gone: set[int] = set()

    def __len__(self) -> int:
        return len(self.fresh) + len(self._returned) + len(self._redelivered) - len(self._gone)

    def put_back(self, delivery: Delivery) -> None:
        """Put one that was taken into its old place."""
        heap = self._returned if delivery.deliveries == 1 else self._redelivered
        heappush(heap, (token_of(delivery), delivery))

    def take(self, batch: list[Delivery], limit: int) -> bool:
        """Move up to `limit` into the batch; false if the batch ends here, because of a redelivered one."""
        while self._redelivered and self._is_gone(self._redelivered[0][0]):
            heappop(self._redelivered)
        if self._redelivered:
            if not batch:
                batch.append(heappop(self._redelivered)[1])
            return False
        if self._returned or self._gone:
            self._take_each(batch, limit)
        else:
            pop = self.fresh.popleft
            batch += [pop() for _ in range(min(limit - len(batch), len(self.fresh)))]
        return True

    def take_out(self, token: int) -> None:
        """Take one of them out of turn."""
        self._gone.add(token)
        if len(self._gone) > len(self) + _TOMBSTONES:
            self._bury_tombstones()

    def _take_each(self, batch: list[Delivery], limit: int) -> None:
        returned, fresh = self._returned, self.fresh
        while len(batch) < limit and (returned or fresh):
            is_next = returned and (not fresh or returned[0][0] < token_of(fresh[0]))
            delivery = heappop(returned)[1] if is_next else fresh.popleft()
            if not self._is_gone(token_of(delivery)):
                batch.append(delivery)

    def _is_gone(self, token: int) -> bool:
        if token not in self._gone:
            return False
        self._gone.remove(token)
        return True

    def _bury_tombstones(self) -> None:
        living = [delivery for delivery in self.fresh if delivery.token not in self._gone]
        self.fresh.clear()
        self.fresh.extend(living)
        for heap in (self._returned, self._redelivered):
            heap[:] = [entry for entry in heap if entry[0] not in self._gone]
            heapify(heap)
        self._gone.clear()


class Agenda:
    """The delayed messages of one queue, by the time at which they are due."""

    __slots__ = ("_entries", "_found")

    def __init__(self) -> None:
        self._entries: list[tuple[float, int]] = []
        self._found: dict[int, tuple[float, Delivery]] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, due: float, delivery: Delivery) -> None:
        """Note one down."""
        token = token_of(delivery)
        self._found[token] = due, delivery
        heappush(self._entries, (due, token))

    def due(self, delivery: Delivery) -> float | None:
        """Return when a message is due, None if it isn't delayed."""
        found = self._found.get(token_of(delivery))
        return found[0] if found else None

    def next_due(self) -> float | None:
        """Return when the first is due, None if nothing is delayed."""
        entries = self._entries
        while entries and entries[0][1] not in self._found:
            heappop(entries)
        return entries[0][0] if entries else None

    def pop(self) -> Delivery:
        """Take out the one that `next_due` spoke of."""
        return self._found.pop(heappop(self._entries)[1])[1]

    def take_out(self, delivery: Delivery) -> bool:
        """Take one out before it is due; false if it isn't delayed."""
        if self._found.pop(token_of(delivery), None) is None:
            return False
        if len(self._entries) > 2 * len(self._found) + _TOMBSTONES:
            self._entries = [(due, token) for token, (due, _) in self._found.items()]
            heapify(self._entries)
        return True


def token_of(delivery: Delivery) -> int:
    """Return the token of a delivery, which for `locmem://` is a number."""
    return delivery.token  # type: ignore[return-value]
