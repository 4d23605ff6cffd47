"""Dead letters: each is a job in a tube of its own for them, since buried jobs can't be listed by any command."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable
from typing import Final, NamedTuple, TypeVar

from alligator_core.backend import DeadLetter, Message
from alligator_core.errors import BackendUnavailable

from .envelope import exhumed, sealed, wire_priority
from .failures import refused
from .known import Known
from .link import PORTION, Job, Link, put_command
from .pool import Pool
from .tubes import Tubes

T = TypeVar("T")

TTR: Final = 300
"""Seconds that whoever looks through the dead letters may take for it."""


class Grave(NamedTuple):
    """A dead letter, the job that it is, and the priority that its message had."""

    job: int
    letter: DeadLetter
    priority: int


class Graves:
    """The dead letters of one server's queues.

    To list them all is to reserve them all, and to end the connection, which gives them back. No worker ever reserves
    from that tube; two who look at the same time wait for each other.
    """

    def __init__(self, pool: Pool, tubes: Tubes, known: Known) -> None:
        self._pool = pool
        self._tubes = tubes
        self._known = known

    def letters(self, queue: str, ids: Collection[str] | None) -> list[DeadLetter]:
        """Return the dead letters of a queue, the latest first; only those with the `ids`, where given."""
        return self._look(queue, ids, lambda _, graves: [grave.letter for grave in reversed(graves)])

    def requeue(self, queue: str, ids: Collection[str] | None) -> list[str]:
        """Put messages back, the longest buried first; of several with one id the latest."""
        return self._look(queue, ids, lambda link, graves: self._requeue(link, queue, graves))

    def purge(self, queue: str, ids: Collection[str] | None) -> int:
        """Remove dead letters, and return how many."""
        return self._look(queue, ids, lambda link, graves: _delete(link, [grave.job for grave in graves]))

    def _requeue(self, link: Link, queue: str, graves: list[Grave]) -> list[str]:
        latest = {grave.letter.id: grave for grave in graves}
        moved: list[str] = []
        ttr = self._pool.settings.ttr
        for some in _portions(list(latest.values())):
            messages = [Message(grave.letter.id, grave.letter.body, grave.priority) for grave in some]
            puts = [put_command(wire_priority(each.priority), 0, ttr, sealed(each, ttr)) for each in messages]
            answers = link.put(self._tubes.of(queue), puts)
            back = {
                message.id: line
                for message, line in zip(messages, answers, strict=True)
                if line.startswith(b"INSERTED ")
            }
            self._known.note(queue, list(back), list(back.values()))
            # Only now, so that what happens in between leaves them twice rather than not at all.
            _delete(link, [grave.job for grave in graves if grave.letter.id in back])
            moved += back
            if len(back) < len(some):
                raise refused(next(line for line in answers if not line.startswith(b"INSERTED ")), self._shown)
        return moved

    def _look(self, queue: str, ids: Collection[str] | None, step: Callable[[Link, list[Grave]], T]) -> T:
        if ids is not None and not ids:
            return step_on_nothing(step)
        tube = self._tubes.dead(queue)
        deadline = time.monotonic() + self._pool.settings.timeout

        def look(link: Link) -> tuple[T] | None:
            graves = _all(link, tube)
            if graves is None:
                link.close()
                return None
            try:
                chosen = [grave for grave in graves if ids is None or grave.letter.id in ids]
                return (step(link, chosen),)
            finally:
                link.close()

        while (found := self._pool.call(look)) is None:
            if time.monotonic() > deadline:
                raise BackendUnavailable(f"{self._shown}: somebody else has the dead letters of {queue!r} in hand.")
            time.sleep(random.uniform(0.005, 0.05))  # noqa: S311
        return found[0]

    @property
    def _shown(self) -> str:
        return self._pool.settings.shown


def step_on_nothing(step: Callable[[Link, list[Grave]], T]) -> T:
    """Return what a step makes of no dead letters, without asking the server."""
    return step(None, [])  # type: ignore[arg-type]


def _all(link: Link, tube: bytes) -> list[Grave] | None:
    """Reserve all that is in a tube, the oldest first; None if somebody else holds a part of it."""
    [facts] = link.tube_facts(tube)
    if not facts.ready and not facts.reserved:
        return []
    link.watch([tube])
    jobs: list[Job] = []
    while facts.ready:
        jobs += link.reserve(facts.ready)
        [facts] = link.tube_facts(tube)
    if facts.reserved > len(jobs):
        return None
    return [grave for job in sorted(jobs) if (grave := _read(*job)) is not None]


def _read(job: int, data: bytes) -> Grave | None:
    try:
        return Grave(job, *exhumed(data))
    except (ValueError, KeyError, TypeError, AttributeError):
        # Put there by somebody else.
        return Grave(job, DeadLetter(f"job-{job}", data, "It is no dead letter of Alligator's.", 1, 0.0), 5)


def _delete(link: Link, jobs: Iterable[int]) -> int:
    commands = [b"delete %d\r\n" % job for job in jobs]
    return sum(line == b"DELETED" for line in link.answers(commands, b"DELETED")) if commands else 0


def _portions(graves: list[Grave]) -> Iterable[list[Grave]]:
    for start in range(0, len(graves), PORTION):
        yield graves[start : start + PORTION]
