"""The backend: what producers and operators need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from alligator_core import backend as contract
from alligator_core.backend import Backend, DeadLetter, Limits, Message, QueueSize
from alligator_core.constants import DEFAULT_PRIORITY
from alligator_core.dsn import Dsn
from alligator_core.errors import PushError

from .consumer import AmqpConsumer
from .delays import LONGEST
from .envelope import Envelope
from .failures import NOT_FOUND, Refused
from .graves import Graves
from .link import Link
from .names import Names, Place
from .pool import Pool
from .posting import Parcel, Posting
from .settings import Settings

BY_ID = "RabbitMQ hands messages out, but finds none by its id"


class AmqpBackend(Backend):
    """Queues on a RabbitMQ."""

    name: ClassVar[str] = "amqp"
    features = frozenset(
        {
            contract.DELAY,
            contract.DEAD_LETTERS,
            contract.SHARED,
            contract.DURABLE,
            contract.DUE_ORDER,
            contract.FROZEN,
        }
    )
    reasons: ClassVar[Mapping[str, str]] = {
        contract.CANCEL: BY_ID,
        contract.PEEK: BY_ID,
        contract.GET: BY_ID,
        contract.FIND: BY_ID,
        contract.PRIORITY: "it takes priority=yes in the DSN",
        contract.EXACT_DEATHS: "a RabbitMQ that was killed calls all that waited redelivered",
        contract.PURGE: "delayed messages of all queues wait together; rabbitmqctl purge_queue removes what is ready",
    }
    # RabbitMQ 4 takes 16 MiB unless it is told otherwise, RabbitMQ 3 more.
    limits = Limits(max_body=16 * 1024 * 1024, max_delay=LONGEST, max_batch=1000)

    def __init__(self, dsn: Dsn) -> None:
        self._settings = Settings.read(dsn)
        if self._settings.priority:
            self.features |= {contract.PRIORITY}
        self._pool = Pool(self._settings)
        self._posting = Posting(Names(self._settings))
        self._graves = Graves(self._pool, self._posting)

    def push(self, queue: str, messages: Sequence[Message]) -> None:
        """Add messages, and wait until the server has confirmed each."""
        parcels: list[Parcel] = []
        problems: dict[str, str] = {}
        for message in messages:
            if message.priority != DEFAULT_PRIORITY and not self._settings.priority:
                raise self.unsupported(contract.PRIORITY, f"priority={message.priority}")
            envelope = Envelope(message.id, message.body, message.priority)
            try:
                parcels.append(self._posting.parcel(queue, envelope, message.delay))
            except ValueError as exc:
                problems[message.id] = str(exc)
        if parcels:
            problems |= self._pool.call(lambda link: self._posting.send(link, parcels))
        if problems:
            raise PushError(problems)

    def size(self, queue: str) -> QueueSize:
        """Count what is ready and what is dead: RabbitMQ tells no more."""
        names = self._posting.names
        return QueueSize(self._count(names.of(queue)), 0, 0, self._count(names.dead(queue)), exact=False)

    def consumer(self, queues: Sequence[str], lease: float, holder: str = "") -> AmqpConsumer:  # noqa: ARG002
        """Make a consumer of some queues."""
        return AmqpConsumer(self._pool, self._posting, queues, lease)

    def close(self) -> None:
        """Let go of the connections that nobody uses just now."""
        self._pool.close()

    def ping(self) -> None:
        """Raise BackendUnavailable unless the server answers."""
        self._pool.call(Link.sync, repeat=True)

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

    def _count(self, place: Place) -> int:
        def count(link: Link) -> int:
            if place.name in link.known:
                return link.declare([place])[0]
            try:
                return link.declare([place], passive=True)[0]
            except Refused as exc:
                if exc.code != NOT_FOUND:
                    raise
                return 0

        return self._pool.call(count, repeat=True)
