"""The backend: what producers and operators need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Final

from alligator_core import backend as contract
from alligator_core.backend import Backend, DeadLetter, Limits, Message, QueueSize
from alligator_core.dsn import Dsn
from alligator_core.errors import BackendError, BackendUnavailable, PushError

from .batches import Batches, Entry, Fate
from .consumer import SqsConsumer
from .envelope import HEADROOM
from .failures import MissingQueue
from .graves import Graves
from .intake import Intake
from .memory import Memory
from .names import Lane, Names
from .posting import Posting
from .queues import SIZES, Queues
from .returning import Returning
from .service import Service
from .settings import Settings
from .settling import Settling

FEATURES: Final = frozenset(
    {contract.DELAY, contract.DEAD_LETTERS, contract.SHARED, contract.DURABLE, contract.FROZEN, contract.EXACT_DEATHS}
)


class SqsBackend(Backend):
    """Queues in Amazon SQS."""

    name: ClassVar[str] = "sqs"
    reasons: ClassVar[Mapping[str, str]] = {
        contract.CANCEL: "SQS hands messages out, but finds none by its id",
        contract.PEEK: "SQS hands messages out, but finds none by its id",
        contract.GET: "SQS hands messages out, but finds none by its id",
        contract.PURGE: "SQS can only remove everything, what workers hold included: its own PurgeQueue does that",
        contract.PRIORITY: "SQS knows none. priorities=2 in the DSN, up to 10, keeps each queue as so many queues",
    }

    def __init__(self, dsn: Dsn) -> None:
        self._settings = settings = Settings.read(dsn)
        self._service = Service(settings)
        self._names = Names(settings)
        self._queues = Queues(self._service, self._names)
        self._batches = Batches(self._service, self._queues)
        self._posting = Posting(settings)
        self._memory = Memory()
        self._returning = Returning(self._batches, self._posting, self._memory)
        self._graves = Graves(settings, self._queues, self._names, self._batches, self._posting)
        # Bodies that are no text grow by a third.
        self.limits = Limits((settings.max_message - HEADROOM) * 3 // 4, settings.max_delay, 1000)
        self.features = FEATURES
        if settings.priorities > 1:
            self.features |= {contract.PRIORITY}
        if settings.fifo:
            self.features -= {contract.EXACT_DEATHS}

    def push(self, queue: str, messages: Sequence[Message]) -> None:
        """Add messages."""
        by_lane: dict[Lane, list[tuple[str, Entry]]] = {}
        problems: dict[str, str] = {}
        for message in messages:
            lane = self._names.lane(queue, message.priority)
            self._refuse_priority(message)
            try:
                by_lane.setdefault(lane, []).append((message.id, self._posting.pushed(lane, message)))
            except ValueError as exc:
                problems[message.id] = str(exc)
        fates: list[tuple[str, Fate]] = []
        for lane, pairs in by_lane.items():
            sent = self._batches.send(lane, [entry for _, entry in pairs], in_order=False)
            fates += [(id, fate) for (id, _), fate in zip(pairs, sent, strict=True)]
        _raise_for(fates, problems)

    def size(self, queue: str) -> QueueSize:
        """Count the messages of a queue by state, as SQS estimates them."""
        ready = delayed = reserved = 0
        for lane in self._names.lanes(queue):
            try:
                found = self._queues.attributes(lane, *SIZES)
            except MissingQueue:
                continue
            more = [int(found.get(name, 0)) for name in SIZES]
            ready, delayed, reserved = ready + more[0], delayed + more[1], reserved + more[2]
        return QueueSize(ready, delayed, reserved, self._graves.count(queue), exact=False)

    def consumer(self, queues: Sequence[str], lease: float, holder: str = "") -> SqsConsumer:  # noqa: ARG002
        """Make a consumer of some queues."""
        lanes = [lane for queue in queues for lane in self._names.lanes(queue)]
        intake = Intake(
            self._service,
            self._queues,
            self._batches,
            self._returning,
            self._memory,
            lease,
            is_fifo=self._settings.fifo,
        )
        settling = Settling(self._queues, self._names, self._batches, self._posting, self._memory, self._returning)
        return SqsConsumer(
            self._settings, self._queues, self._batches, intake, settling, self._returning, list(dict.fromkeys(lanes))
        )

    def close(self) -> None:
        """Let go of connections and threads."""
        self._service.close()
        self._queues.forget_all()

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

    def _refuse_priority(self, message: Message) -> None:
        if message.priority != 5 and contract.PRIORITY not in self.features:
            raise self.unsupported(contract.PRIORITY, f"the priority {message.priority}")


def _raise_for(fates: list[tuple[str, Fate]], problems: dict[str, str]) -> None:
    failed = [(id, fate) for id, fate in fates if fate is not None]
    errors = [fate for _, fate in failed if isinstance(fate, BackendError)]
    unavailable = [fate for fate in errors if isinstance(fate, BackendUnavailable) and fate.maybe_applied]
    if errors and not problems and len(errors) == len(fates):
        raise (unavailable or errors)[0]
    problems.update((id, str(fate)) for id, fate in failed)
    if unavailable:
        raise BackendUnavailable(
            f"{len(failed)} messages may not have been taken: {unavailable[0]}", maybe_applied=True
        )
    if problems:
        raise PushError(problems)
