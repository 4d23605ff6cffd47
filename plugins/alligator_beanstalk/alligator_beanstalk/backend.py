"""The backend: what producers and operators need."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import ClassVar

from alligator_core import backend as contract
from alligator_core.backend import Backend, DeadLetter, Entry, Limits, Message, QueueSize
from alligator_core.constants import DEFAULT_PRIORITY
from alligator_core.dsn import Dsn
from alligator_core.errors import BackendError, PushError, UnsupportedFeature

from .consumer import BeanstalkConsumer
from .envelope import HEADROOM, opened, own_priority, sealed, wire_delay, wire_priority
from .facts import JobFacts
from .failures import refused
from .graves import Graves
from .known import Known
from .link import PORTION, Link, put_command
from .pool import Pool
from .settings import Settings
from .tubes import Tubes

SAFETY = 2
"""Bytes below the server's own limit. With -b, beanstalkd 1.12 takes a body of exactly -z bytes, and loses it and all
later ones at its next start."""


class BeanstalkBackend(Backend):
    """Queues on a beanstalkd."""

    name: ClassVar[str] = "beanstalk"
    features = frozenset(
        {
            contract.DELAY,
            contract.PRIORITY,
            contract.CANCEL,
            contract.PEEK,
            contract.DEAD_LETTERS,
            contract.PURGE,
            contract.EXACT_SIZE,
            contract.SHARED,
            contract.DURABLE,
            contract.ORDER,
            contract.EXACT_DEATHS,
        }
    )

    def __init__(self, dsn: Dsn) -> None:
        self._settings = Settings.read(dsn)
        self._pool = Pool(self._settings)
        self._tubes = Tubes(self._settings.prefix)
        self._known = Known(self._settings.remember)
        self._graves = Graves(self._pool, self._tubes, self._known)

    @property
    def limits(self) -> Limits:  # type: ignore[override]
        """What the server takes; it is asked where that isn't known yet. Raises BackendError."""
        most = self._pool.facts.max_job - SAFETY - HEADROOM
        if most < 1:
            raise BackendError(f"{self._settings.shown} takes jobs of {self._pool.facts.max_job} bytes: raise its -z.")
        return Limits(max_body=min(most, self._settings.max_body or most), max_batch=10_000)

    def push(self, queue: str, messages: Sequence[Message]) -> None:
        """Add messages."""
        tube, ttr = self._tubes.of(queue), self._settings.ttr
        most = self._pool.facts.max_job - SAFETY if messages else 0
        taken: list[str] = []
        problems: dict[str, str] = {}
        head = b"put %d 0 %d " % (wire_priority(DEFAULT_PRIORITY), ttr) + b"%d\r\n%b\r\n"

        def puts() -> Iterator[bytes]:
            for message in messages:
                try:
                    body = sealed(message, ttr)
                    if len(body) > most:
                        raise ValueError(f"it is a job of {len(body):,} bytes, of {most:,} that the server takes")
                except ValueError as exc:
                    problems[message.id] = str(exc)
                    continue
                taken.append(message.id)
                if message.priority == DEFAULT_PRIORITY and message.delay <= 0:
                    # As put_command does, in half the time: this is done for nearly every task.
                    yield head % (len(body), body)
                else:
                    yield put_command(wire_priority(message.priority), wire_delay(message.delay), ttr, body)

        if messages:
            self._note(queue, taken, self._pool.call(lambda link: link.put(tube, puts())), problems)
        if problems:
            raise PushError(problems)

    def size(self, queue: str) -> QueueSize:
        """Count the messages of a queue by state."""
        tubes = self._tubes.of(queue), self._tubes.dead(queue)
        alive, dead = self._pool.call(lambda link: link.tube_facts(*tubes), repeat=True)
        return QueueSize(alive.ready, alive.delayed, alive.reserved, dead.ready + dead.reserved)

    def consumer(self, queues: Sequence[str], lease: float, holder: str = "") -> BeanstalkConsumer:  # noqa: ARG002
        """Make a consumer of some queues."""
        return BeanstalkConsumer(self._pool, self._tubes, self._known, queues, lease)

    def close(self) -> None:
        """Let go of the connections that nobody uses just now."""
        self._pool.close()

    def cancel(self, queue: str, id: str) -> Message | None:
        """Take a waiting message off that was pushed by this object, and return it."""
        job = self._job(queue, id, "cancel()")

        def cancel(link: Link) -> Message | None:
            found = self._look(link, queue, id, job)
            if found is None or found[1].state not in {"ready", "delayed"}:
                return None
            body, facts = found
            # If a worker has reserved it meanwhile, the server refuses.
            if link.answers([b"delete %d\r\n" % job], b"DELETED") != [b"DELETED"]:
                return None
            return Message(id, body, own_priority(facts.priority), _seconds_left(facts))

        return self._pool.call(cancel)

    def peek(self, queue: str, id: str) -> Entry | None:
        """Look at a message that was pushed by this object and waits or is reserved."""
        job = self._job(queue, id, "peek()")
        found = self._pool.call(lambda link: self._look(link, queue, id, job), repeat=True)
        if found is None:
            return None
        body, facts = found
        if facts.state not in ("ready", "delayed", "reserved"):
            return None
        state: contract.State = facts.state  # type: ignore[assignment]
        return Entry(id, body, state, own_priority(facts.priority), facts.deliveries, _seconds_left(facts))

    def purge(self, queue: str) -> int:
        """Remove all that waits, in portions."""
        tube = self._tubes.of(queue)
        return self._pool.call(lambda link: _purge_ready(link, tube) + _purge_delayed(link, tube))

    def dead(
        self, queue: str, ids: Collection[str] | None = None, limit: int = 100, offset: int = 0
    ) -> list[DeadLetter]:
        """List dead letters, the latest first."""
        return self._graves.letters(queue, ids)[offset : offset + limit]

    def requeue(self, queue: str, ids: Collection[str] | None = None) -> list[str]:
        """Move dead letters back to the queue, the longest buried first."""
        return self._graves.requeue(queue, ids)

    def purge_dead(self, queue: str, ids: Collection[str] | None = None) -> int:
        """Remove dead letters, and return how many."""
        return self._graves.purge(queue, ids)

    def _note(self, queue: str, ids: list[str], answers: list[bytes], problems: dict[str, str]) -> None:
        """Note what was inserted, and what was refused for what reason."""
        inserted = [line for line in answers if line.startswith(b"INSERTED ")]
        if len(inserted) == len(ids):
            self._known.note(queue, ids, answers)
            return
        refusals: dict[bytes, list[str]] = {}
        for id, line in zip(ids, answers, strict=True):
            if line.startswith(b"INSERTED "):
                self._known.note(queue, [id], [line])
            else:
                refusals.setdefault(line.partition(b" ")[0], []).append(id)
                if line.startswith(b"BURIED "):
                    self._forget(int(line[7:]))
        for word, refused_ids in refusals.items():
            error = refused(word, self._settings.shown)
            if not inserted and not problems and len(refusals) == 1:
                raise error
            problems.update(dict.fromkeys(refused_ids, str(error)))

    def _forget(self, job: int) -> None:
        """Remove a job that the server took, but could not queue: it counts as not taken."""
        self._pool.call(lambda link: link.answers([b"delete %d\r\n" % job], b"DELETED"))

    def _job(self, queue: str, id: str, wanted: str) -> int:
        job = self._known.job(queue, id)
        if job is None:
            raise UnsupportedFeature(self.name, contract.FIND, f"{wanted} of a task that this process didn't push")
        return job

    def _look(self, link: Link, queue: str, id: str, job: int) -> tuple[bytes, JobFacts] | None:
        found = link.peek(b"peek %d\r\n" % job)
        [facts] = link.job_facts([job])
        if found is None or facts is None or facts.tube != self._tubes.of(queue):
            return None
        # After a restart without a log the server counts from 1 again: the job may be another one's.
        envelope = opened(*found)
        return (envelope.body, facts) if envelope.id == id else None


def _purge_ready(link: Link, tube: bytes) -> int:
    link.watch([tube])
    removed = 0
    while jobs := link.reserve(PORTION):
        lines = link.answers([b"delete %d\r\n" % job for job, _ in jobs], b"DELETED")
        removed += lines.count(b"DELETED")
    return removed


def _purge_delayed(link: Link, tube: bytes) -> int:
    link.use(tube)
    removed = 0
    while found := link.peek(b"peek-delayed\r\n"):
        removed += link.answers([b"delete %d\r\n" % found[0]], b"DELETED").count(b"DELETED")
    return removed


def _seconds_left(facts: JobFacts) -> float:
    return float(facts.time_left) if facts.state == "delayed" else 0.0
