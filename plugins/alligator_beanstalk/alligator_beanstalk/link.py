"""One connection to beanstalkd, used with many commands in flight.

greenstalk, the usual client, waits for the answer of each command before it sends the next one, and offers no other
way; nor has it time limits or a way back from a lost connection. The protocol is small enough to speak it here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Final, TypeVar

from alligator_core.backend import Delivery

from .facts import JobFacts, TubeFacts, job_facts, tube_facts
from .failures import REFUSALS, Garbled
from .stream import Stream, nap

T = TypeVar("T")

PORTION: Final = 1000
"""Commands in flight at a time: their answers must fit into the buffers of the two sockets."""

PUTS: Final = 250
"""The same for `put`, of which two portions may be in flight."""

_COMPACT: Final = 1 << 20

Job = tuple[int, bytes]
"""A job's number and its body."""


class Link(Stream):
    """A connection. One thread at a time may use it, under its `lock`; any may `shut` it."""

    def __init__(self, host: str, port: int, timeout: float, connect_timeout: float) -> None:
        super().__init__(host, port, timeout, connect_timeout)
        self._used = b"default"
        self._watched = [b"default"]
        self.lock = Lock()
        self.held: dict[int, Delivery] = {}
        """What is reserved by way of it, by the job's number. The server gives it back when the connection ends."""
        self.ahead: list[Job] = []
        """What was reserved ahead of the next reserve, and `since` when that was."""
        self.since = 0.0
        self._asked_ahead = 0
        self.owner: object = None
        """Whoever settles what it holds."""
        self.used_at = time.monotonic()

    def answers(self, commands: Sequence[bytes], *expected: bytes) -> list[bytes]:
        """Send commands, and return the line that each was answered with.

        Lines must begin with one of the `expected` words or be NOT_FOUND or a refusal. Raises Lost or Garbled.
        """
        lines: list[bytes] = []
        for start in range(0, len(commands), PORTION):
            part = commands[start : start + PORTION]
            self.send(b"".join(part))
            lines += self.lines(len(part))
        if lines.count(expected[0]) == len(lines):
            return lines
        words = (*expected, b"NOT_FOUND")
        for line in lines:
            if not line.startswith(words) and line not in REFUSALS:
                raise Garbled(line)
        return lines

    def put(self, tube: bytes, puts: Iterable[bytes]) -> list[bytes]:
        """Send `put` commands into a tube, and return the answers: `INSERTED` and the number, or a refusal."""
        self.use(tube)
        lines: list[bytes] = []
        outstanding = 0
        for part in _portions(puts):
            # While the server works on these, the next ones are made.
            self.send(b"".join(part))
            lines += self.lines(outstanding)
            outstanding = len(part)
        lines += self.lines(outstanding)
        for line in lines:
            word, _, number = line.partition(b" ")
            if not (number.isdigit() if word in (b"INSERTED", b"BURIED") else line in REFUSALS):
                raise Garbled(line)
        return lines

    def use(self, tube: bytes) -> None:
        """Choose the tube to put into and to peek at."""
        if tube != self._used:
            self._expect(b"use %b\r\n" % tube, b"USING ")
            self._used = tube

    def watch(self, tubes: Sequence[bytes]) -> None:
        """Choose the tubes to reserve from."""
        if self._watched == tubes:
            return
        more = [b"watch %b\r\n" % tube for tube in tubes if tube not in self._watched]
        less = [b"ignore %b\r\n" % tube for tube in self._watched if tube not in tubes]
        for line in self.answers(more + less, b"WATCHING "):
            if not line.startswith(b"WATCHING "):
                raise Garbled(line)
        self._watched = list(tubes)

    def reserve(self, limit: int) -> list[Job]:
        """Reserve up to so many jobs that are ready."""
        found: list[Job] = []
        while limit > 0:
            asked = min(limit, PORTION)
            limit -= asked
            self.send(b"reserve-with-timeout 0\r\n" * asked)
            jobs = self._jobs(asked)
            found += jobs
            if len(jobs) < asked:
                break
        return found

    def ask_ahead(self, count: int) -> None:
        """Send so many reserves, whose answers `collect` takes in: the server works on them meanwhile."""
        self.since = time.monotonic()
        self.send(b"reserve-with-timeout 0\r\n" * count)
        self._asked_ahead = count

    def collect(self) -> None:
        """Take in the answers that are outstanding, before anything else is asked."""
        count, self._asked_ahead = self._asked_ahead, 0
        if count:
            self.ahead += self._jobs(count)

    @property
    def is_idle(self) -> bool:
        """Whether it is open, and nothing is reserved by way of it."""
        return self.is_open and not (self.held or self.ahead or self._asked_ahead)

    def wait(self, seconds: int) -> Job | None:
        """Reserve a job, waiting for it on the server."""
        with self.patience(seconds):
            self.send(b"reserve-with-timeout %d\r\n" % seconds)
            return self._reserved()

    def reserve_again(self, job: int) -> bool:
        """Reserve a job by its number; false if that can't be done."""
        self.send(b"reserve-job %d\r\n" % job)
        return self._reserved(b"NOT_FOUND") is not None

    def peek(self, command: bytes) -> Job | None:
        """Return what a `peek` command finds."""
        self.send(command)
        return self._job(self.line(), b"FOUND ", (b"NOT_FOUND",))

    def job_facts(self, jobs: Iterable[int]) -> list[JobFacts | None]:
        """Ask what the server knows of jobs; None for each that is gone."""
        return self._facts([b"stats-job %d\r\n" % job for job in jobs], job_facts)

    def tube_facts(self, *tubes: bytes) -> list[TubeFacts]:
        """Count the jobs of tubes; zeros for one that doesn't exist."""
        found = self._facts([b"stats-tube %b\r\n" % tube for tube in tubes], tube_facts)
        return [facts or TubeFacts() for facts in found]

    def stats(self) -> bytes:
        """Return what the server tells of itself."""
        self.send(b"stats\r\n")
        answer = self._chunk_after_ok()
        if answer is None:
            raise Garbled(b"NOT_FOUND")
        return answer

    def _facts(self, commands: list[bytes], read: Callable[[bytes], T]) -> list[T | None]:
        found: list[T | None] = []
        for start in range(0, len(commands), PORTION):
            part = commands[start : start + PORTION]
            self.send(b"".join(part))
            found += [None if (text := self._chunk_after_ok()) is None else read(text) for _ in part]
        return found

    def _chunk_after_ok(self) -> bytes | None:
        line = self.line()
        if line == b"NOT_FOUND":
            return None
        if not line.startswith(b"OK "):
            raise Garbled(line)
        return self.chunk(_whole(line[3:], line))

    def _jobs(self, count: int) -> list[Job]:
        """Read the answers of so many reserves. Most are there already, and are read without a call for each."""
        found: list[Job] = []
        data, at = self._data, self._at
        for left in range(count, 0, -1):
            end = data.find(b"\r\n", at)
            if end > 0 and data.startswith(b"RESERVED ", at):
                number, _, size = data[at + 9 : end].partition(b" ")
                if number.isdigit() and size.isdigit():
                    start, end = end + 2, end + 2 + int(size)
                    if data[end : end + 2] == b"\r\n":
                        found.append((int(number), data[start:end]))
                        at = end + 2
                        continue
            elif end < 0:
                nap(left)
            self._at = at
            job = self._reserved()
            data, at = self._data, self._at
            if job is not None:
                found.append(job)
        self._at = at
        return found

    def _reserved(self, *nothing: bytes) -> Job | None:
        # DEADLINE_SOON: something that is held here runs out within a second, and nothing is ready. It is looked
        # after by whoever keeps it alive, so that all that matters here is that there is nothing to be had.
        return self._job(self.line(), b"RESERVED ", (b"TIMED_OUT", b"DEADLINE_SOON", *nothing))

    def _job(self, line: bytes, word: bytes, nothing: tuple[bytes, ...]) -> Job | None:
        if line.startswith(word):
            parts = line.split(b" ")
            if len(parts) != 3:
                raise Garbled(line)
            return _whole(parts[1], line), self.chunk(_whole(parts[2], line))
        if line in nothing:
            return None
        raise Garbled(line)

    def _expect(self, command: bytes, word: bytes) -> None:
        self.send(command)
        line = self.line()
        if not line.startswith(word):
            raise Garbled(line)

    def __repr__(self) -> str:
        return f"Link({'open' if self.is_open else 'closed'}, {len(self.held)} held)"


def put_command(priority: int, delay: int, ttr: int, body: bytes) -> bytes:
    """Return a `put`."""
    return b"put %d %d %d %d\r\n%b\r\n" % (priority, delay, ttr, len(body), body)


def _portions(puts: Iterable[bytes]) -> Iterable[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for put in puts:
        if part and (len(part) == PUTS or size + len(put) > _COMPACT):
            yield part
            part, size = [], 0
        part.append(put)
        size += len(put)
    if part:
        yield part


def _whole(text: bytes, line: bytes) -> int:
    if not text.isdigit() or len(text) > 20:
        raise Garbled(line)
    return int(text)
