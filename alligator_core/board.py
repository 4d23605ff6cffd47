"""The board: memory that a worker process shares with its supervisor, which reads there what ran when it died.

The worker writes without a call to the system and the supervisor reads without the worker's GIL. Whatever the worker
dies in the middle of, what is on the board is true: each entry is valid only by its first byte, written last.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import tempfile
from collections.abc import Iterable
from struct import Struct
from threading import Lock
from time import monotonic
from typing import Final, NamedTuple

MAX_HANDS: Final = 16384
"""Tasks that one process may run at a time and still have noted; of more, nobody knows how they died."""
MAX_DONE: Final = 4096

# Native alignment: such fields are written at once, not byte by byte.
_READY, _RESERVED, _HANDS = 0, 8, 16
_FLOAT, _COUNT = Struct("@d"), Struct("@I")
_HAND, _HAND_SIZE = Struct("@dd200p"), 256
_DONE, _DONE_SIZE = Struct("@200p"), 208
_ENTRY = 8
"""Bytes before an entry's fields: the first says whether they are valid."""
_HANDS_AT = 4096
_DONE_AT = _HANDS_AT + MAX_HANDS * _HAND_SIZE
_SIZE = _DONE_AT + MAX_DONE * _DONE_SIZE
_LONGEST_KEY = 199


class Hand(NamedTuple):
    """A task that runs: `key` stands for its id; `since` and `hard_deadline` are monotonic, 0 for no hard limit."""

    number: int
    key: bytes
    since: float
    hard_deadline: float


class Board:
    """One worker process's board. The worker writes, with one thread per hand; the supervisor reads."""

    def __init__(self, fd: int) -> None:
        """Open the board behind a file descriptor, which the board owns from then on."""
        self._fd = fd
        self._memory = mmap.mmap(fd, _SIZE)
        self._hands = 0
        self._lock = Lock()
        self._free = list(range(MAX_DONE - 1, -1, -1))
        self._done: dict[bytes, int] = {}
        self._deadlines: dict[int, float] = {}

    @classmethod
    def make(cls) -> Board:
        """Make an empty board. It is in no folder, and gone when the last process that has it is."""
        fd = os.memfd_create("alligator-board") if hasattr(os, "memfd_create") else _nameless_file()
        os.ftruncate(fd, _SIZE)
        return cls(fd)

    def fileno(self) -> int:
        """Return the file descriptor to be passed to the worker process."""
        return self._fd

    def close(self) -> None:
        """Let go of it. What other processes have of it stays."""
        self._memory.close()
        os.close(self._fd)

    # What the worker writes.

    def ready(self) -> None:
        """Note that the app and the backend could be opened, and that the worker begins."""
        self._memory[_READY] = 1

    def reserved(self, now: float) -> None:
        """Note that the worker asked for messages and got an answer, at a monotonic time."""
        _FLOAT.pack_into(self._memory, _RESERVED, now)

    def started(self, hand: int, id: str, hard_deadline: float = 0.0, unflushed: Iterable[str] = ()) -> None:
        """Note that a hand begins to run a message; `hard_deadline` is monotonic, 0 for none.

        With a hard deadline, name in `unflushed` the messages that are done and not acked yet, so that they need not
        be done again if this one ends the process.
        """
        if hand >= MAX_HANDS:
            return
        if hard_deadline:
            self._deadlines[hand] = hard_deadline
            for each in unflushed:
                self.done(each)
        if self._done:
            # It came back to be done again, so whatever is on the board about it is old.
            self.flushed([id])
        if hand >= self._hands:
            self._use(hand)
        at = _HANDS_AT + hand * _HAND_SIZE
        self._memory[at] = 0
        _HAND.pack_into(self._memory, at + _ENTRY, monotonic(), hard_deadline, key_of(id))
        self._memory[at] = 1

    def finished(self, hand: int, id: str) -> None:  # noqa: ARG002
        """Note that a hand runs nothing any more. Where it is done for good, call `done` before."""
        if hand < MAX_HANDS:
            self._memory[_HANDS_AT + hand * _HAND_SIZE] = 0
            if self._deadlines:
                self._deadlines.pop(hand, None)

    def done(self, id: str) -> None:
        """Note that a message is to be acked, before the ack can be flushed; nothing unless a hard deadline is near.

        A retry is not done: to take it for acked would lose it.
        """
        if not self._deadlines:
            return
        key = key_of(id)
        with self._lock:
            if key not in self._done and self._free:
                place = self._done[key] = self._free.pop()
                at = _DONE_AT + place * _DONE_SIZE
                _DONE.pack_into(self._memory, at + _ENTRY, key)
                self._memory[at] = 1

    def flushed(self, ids: Iterable[str] | None = None) -> None:
        """Note that the backend knows of the acks of some messages, or of all that were done."""
        if not self._done:
            return
        with self._lock:
            for key in list(self._done) if ids is None else map(key_of, ids):
                place = self._done.pop(key, None)
                if place is not None:
                    self._memory[_DONE_AT + place * _DONE_SIZE] = 0
                    self._free.append(place)

    def _use(self, hand: int) -> None:
        with self._lock:
            self._hands = max(self._hands, hand + 1)
            _COUNT.pack_into(self._memory, _HANDS, self._hands)

    # What the supervisor reads.

    def is_ready(self) -> bool:
        """Say whether the worker has begun."""
        return bool(self._memory[_READY])

    def reserved_at(self) -> float:
        """Return the monotonic time at which the worker last asked for messages; 0.0 if it never did."""
        (at,) = _FLOAT.unpack_from(self._memory, _RESERVED)
        return float(at)

    def running(self) -> list[Hand]:
        """Return what runs, or ran when the worker died."""
        (hands,) = _COUNT.unpack_from(self._memory, _HANDS)
        return [hand for number in range(min(hands, MAX_HANDS)) if (hand := self._hand(number)) is not None]

    def unflushed(self) -> set[bytes]:
        """Return the keys of the messages that are done and were not acked yet."""
        keys = set()
        for at in range(_DONE_AT, _DONE_AT + MAX_DONE * _DONE_SIZE, _DONE_SIZE):
            if self._memory[at]:
                keys.add(_DONE.unpack_from(self._memory, at + _ENTRY)[0])
        return keys

    def _hand(self, number: int) -> Hand | None:
        at = _HANDS_AT + number * _HAND_SIZE
        if not self._memory[at]:
            return None
        since, deadline, key = _HAND.unpack_from(self._memory, at + _ENTRY)
        return Hand(number, key, since, deadline)


def key_of(id: str) -> bytes:
    """Return what stands for a message's id on boards."""
    key = id.encode("utf-8", "backslashreplace")
    return key if len(key) <= _LONGEST_KEY else hashlib.sha256(key).hexdigest().encode()


def shown(key: bytes) -> str:
    """Return what stands for a message's id, as text for a log."""
    return key.decode("utf-8", "backslashreplace")


def _nameless_file() -> int:
    # In memory where the system can do that: a worker that writes to a full disk this way would be killed.
    with tempfile.TemporaryFile("w+b", buffering=0) as file:
        return os.dup(file.fileno())
