"""The contract between Alligator and whatever stores its queues.

A `Backend` serves producers and operators, a `Consumer` serves one worker process. Both see bytes and ids, never a
task: they do I/O, and leave retries, hooks and serialization to the core. `alligator_core.testing.BackendContract`
proves an implementation.

The values are named tuples, not frozen dataclasses: one delivery and one settlement is built per task, and a
frozen dataclass takes three times as long to build.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, NamedTuple, TypeAlias

from .errors import UnsupportedFeature

DELAY: Final = "delay"
PRIORITY: Final = "priority"
CANCEL: Final = "cancel"
PEEK: Final = "peek"
GET: Final = "get"
DEAD_LETTERS: Final = "dead_letters"
PURGE: Final = "purge"
EXACT_SIZE: Final = "exact_size"
SHARED: Final = "shared"
DURABLE: Final = "durable"
TAKE_OVER: Final = "take_over"
STOP: Final = "stop"
UNIQUE: Final = "unique"
FIND: Final = "find"
DUE_ORDER: Final = "due_order"
FROZEN: Final = "frozen"
ORDER: Final = "order"
EXACT_DEATHS: Final = "exact_deaths"
TRANSACTIONS: Final = "transactions"

FEATURES: Final = {
    DELAY: "a message may become ready later",
    PRIORITY: "messages of a higher priority are reserved first",
    CANCEL: "a waiting message can be taken off by its id",
    PEEK: "a message can be looked at by its id",
    GET: "a waiting message can be reserved by its id",
    DEAD_LETTERS: "buried messages can be listed, requeued and purged",
    PURGE: "all waiting messages of a queue can be removed",
    EXACT_SIZE: "sizes are exact, not estimates",
    SHARED: "other processes with the same DSN see the same queues",
    DURABLE: "messages outlive the processes and a restart of the store",
    TAKE_OVER: "what a dead process held can be taken over at once, by the name it held it under",
    STOP: "whoever runs a reserved message can be asked to stop",
    UNIQUE: "an id that waits or is reserved is not queued a second time, so a doubtful push can be repeated",
    FIND: "a message is found by its id whoever pushed it, and still after a retry",
    DUE_ORDER: "a delayed message takes its place in the line when it is due, not by when it was pushed",
    FROZEN: "what a process holds comes back in time even if it stands still with its connection open",
    ORDER: "messages of one priority are reserved in the order in which they were pushed",
    EXACT_DEATHS: "what was given back or retried is never taken for what a worker died under",
    TRANSACTIONS: "messages can be pushed within a transaction of the app, and appear with its commit",
}
"""Every feature a backend may declare in `Backend.features`, and what it means."""

State: TypeAlias = Literal["ready", "delayed", "reserved"]


class Message(NamedTuple):
    """What a producer pushes: `delay` is in seconds by the store's clock, `priority` goes from 0 to 9 (9 first)."""

    id: str
    body: bytes
    priority: int = 5
    delay: float = 0.0


class Delivery(NamedTuple):
    """What a consumer got to work on, and must settle.

    `deliveries` is 1 for a message that no worker died under, and one more for each that did: a release or a retry
    doesn't count. `priority` is what the message was pushed with, where the store knows it. `token` is the
    backend's own business: a receipt handle, a job id.
    """

    queue: str
    id: str
    body: bytes
    deliveries: int = 1
    priority: int = 5
    token: object = None


class Ack(NamedTuple):
    """It is done: remove it."""

    delivery: Delivery


class Release(NamedTuple):
    """Give it back unchanged, to be ready again `delay` seconds from now.

    Does not count as a delivery, unless `died` says that a worker died under it: as if its lease had run out. Only
    backends with the feature `take_over` are given `died`.
    """

    delivery: Delivery
    delay: float = 0.0
    died: bool = False


class Replace(NamedTuple):
    """Swap it for another message of the same id (a retry), in one step or by push-then-ack."""

    delivery: Delivery
    message: Message


class Bury(NamedTuple):
    """Move it to the dead letters with a reason; `body`, where given, replaces what was delivered."""

    delivery: Delivery
    reason: str
    body: bytes | None = None


Settlement: TypeAlias = Ack | Release | Replace | Bury


class QueueSize(NamedTuple):
    """How many messages a queue holds, by state. `exact` is false where the store only estimates."""

    ready: int
    delayed: int
    reserved: int
    dead: int
    exact: bool = True

    @property
    def waiting(self) -> int:
        """Everything that no worker has yet: ready and delayed."""
        return self.ready + self.delayed


class Entry(NamedTuple):
    """A message as an operator sees it. `ready_in` is in seconds, 0 for one that isn't delayed."""

    id: str
    body: bytes
    state: State
    priority: int
    deliveries: int
    ready_in: float


class DeadLetter(NamedTuple):
    """A buried message: `buried_at` is in epoch seconds by the store's clock."""

    id: str
    body: bytes
    reason: str
    deliveries: int
    buried_at: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a backend can take: `max_body` in bytes, `max_delay` in seconds, `max_batch` in messages per push."""

    max_body: int = 16 * 1024 * 1024
    max_delay: float = 10 * 365 * 86400.0
    max_batch: int = 1000


class Consumer(ABC):
    """One worker process's hold on some queues, from `Backend.consumer`.

    It owns what it has reserved and not settled; each backend chooses how it holds that lease. One thread reserves,
    gets and takes over; another may call `settle`, `keep_alive`, `stops` and `close` at the same time, also while
    `reserve` waits.
    """

    @abstractmethod
    def reserve(self, limit: int, wait: float) -> list[Delivery]:
        """Take up to `limit` messages, waiting up to `wait` seconds for the first.

        The queues are served in the order they were named; within one, by priority, then oldest first. A message
        that a worker died under is handed out alone, so that it can't take others with it again, and before fresh
        ones of its priority. Due delayed messages and those of dead consumers are included. A wait blocks on the
        store where it can; `wait=0` returns at once.
        Raises BackendUnavailable if the store can't be reached; nothing is lost then.
        """

    @abstractmethod
    def settle(self, settlements: Sequence[Settlement]) -> list[Delivery]:
        """Carry out what became of some deliveries, in as few round trips as the store allows.

        Returns the stale ones: those that this consumer no longer held, for which nothing was done. Of two settlements
        of one delivery, in one call or in two, the first counts and the second is stale.
        A call that raised may be repeated as it was.
        """

    @abstractmethod
    def keep_alive(self) -> list[Delivery]:
        """Extend the lease on everything held. Returns what turned out to be lost.

        Called every third of the lease, idle or busy; also the place to hand back what dead consumers held.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back at once everything reserved and not settled, uncounted. A second call does nothing."""

    def get(self, queue: str, id: str) -> Delivery | None:  # noqa: ARG002
        """Reserve one waiting message by its id, delayed or not; None if none waits. Feature `get`."""
        raise UnsupportedFeature(type(self).__name__, GET, "get()")

    def spare(self) -> None:  # noqa: B027  (most have nothing to spare)
        """Give back what was taken ahead of the next `reserve`, in a backend that does so where many messages wait.

        Called while a task takes long, from another thread: what was taken for soon must not wait for its end.
        """

    def take_over(self, holder: str) -> list[Delivery]:  # noqa: ARG002
        """Take over, in one step, all that the other consumers of a holder hold of this consumer's queues.

        They count as dead from then on: they can settle none of it any more, their `keep_alive` calls it lost, and they
        go on as new ones if they live after all. What they hold of other queues stays as it is.
        The deliveries come in any order and as those consumers had them: what died is only counted by
        `Release(…, died=True)`. A holder that is unknown held nothing. A call that raised may be repeated: it returns
        what the first one took over in vain. Where it isn't repeated, the next `reserve` gives that back, uncounted.
        Feature `take_over`.
        """
        raise UnsupportedFeature(type(self).__name__, TAKE_OVER, "take_over()")

    def stops(self) -> list[str]:
        """Return the ids of messages that this consumer holds and `Backend.stop` was called for, each request once.

        Costs a look at each queue, and is called about twice a second while anything runs. Feature `stop`.
        """
        raise UnsupportedFeature(type(self).__name__, STOP, "stops()")


class Backend(ABC):
    """A store of queues, one per Gator: usable from any thread, and in a forked child.

    Declare in `features` what it can do (`FEATURES` has the names) and in `limits` how much. Whatever isn't declared
    is refused by the core before it gets here, and the optional methods refuse it here too.
    """

    name: ClassVar[str]
    """The scheme that errors call it by."""

    features: frozenset[str] = frozenset()
    reasons: ClassVar[Mapping[str, str]] = {}
    """Why a feature is missing, where it takes more than to say that it is."""
    limits: Limits = Limits()

    @abstractmethod
    def push(self, queue: str, messages: Sequence[Message]) -> None:
        """Add messages, durably as far as the store is durable: all of them, or an error says which not.

        An id that is waiting or reserved on this queue already is left as it is, so a doubtful push can be repeated:
        feature `unique`. Without it the message is there twice then, and runs twice.
        At most `limits.max_batch` messages come at a time.
        Raises PushError for those refused, BackendUnavailable with `maybe_applied` if the answer was lost.
        """

    @abstractmethod
    def size(self, queue: str) -> QueueSize:
        """Count the messages of a queue by state; zeros for a queue that doesn't exist."""

    @abstractmethod
    def consumer(self, queues: Sequence[str], lease: float, holder: str = "") -> Consumer:
        """Make a consumer of some queues that counts as dead `lease` seconds after its last sign of life.

        `holder` names the process that it is for: up to 100 printable ASCII characters without spaces. Backends with
        the feature `take_over` write it down with what the consumer holds; several consumers may have the same.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of connections and files. The backend can be used again afterwards, and opens them anew."""

    def ping(self) -> None:
        """Raise BackendUnavailable unless the store answers."""
        self.size("all")

    def holders(self, queues: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Return the names of the holders that hold messages of these queues, each once, whether they live or not.

        Consumers without a holder's name are left out. Feature `take_over`.
        """
        raise self.unsupported(TAKE_OVER, "holders()")

    def keep_alive(self, queues: Sequence[str], holder: str, lease: float) -> None:  # noqa: ARG002
        """Extend the leases of a holder's consumers on these queues to `lease` seconds from now, if they end before.

        For a process that is alive and may be unable to do so by itself. Whom others declared dead already stays dead;
        an unknown holder is no error. Feature `take_over`.
        """
        raise self.unsupported(TAKE_OVER, "keep_alive()")

    def stop(self, queue: str, id: str) -> bool:  # noqa: ARG002
        """Ask whoever has reserved a message to stop working on it; false if it isn't reserved. Feature `stop`.

        The request stays with the message until `Consumer.stops` has returned it, or the message has ended: it was
        acked, buried, canceled or purged, or replaced by a retry. A release, a death or a take-over doesn't undo it.
        """
        raise self.unsupported(STOP, "stop()")

    def cancel(self, queue: str, id: str) -> Message | None:  # noqa: ARG002
        """Take a waiting message off, delayed or not, and return it; None when it is too late. Feature `cancel`.

        Without the feature `find` only what this object pushed can be canceled, before its first retry; for any other
        id it raises UnsupportedFeature.
        """
        raise self.unsupported(CANCEL, "cancel()")

    def peek(self, queue: str, id: str) -> Entry | None:  # noqa: ARG002
        """Look at a message that waits or is reserved; None if there is none. Feature `peek`.

        Without the feature `find` as for `cancel`.
        """
        raise self.unsupported(PEEK, "peek()")

    def purge(self, queue: str) -> int:  # noqa: ARG002
        """Remove all that waits, delayed included, and return how many; reserved ones stay. Feature `purge`."""
        raise self.unsupported(PURGE, "purge()")

    def dead(
        self,
        queue: str,  # noqa: ARG002
        ids: Collection[str] | None = None,  # noqa: ARG002
        limit: int = 100,  # noqa: ARG002
        offset: int = 0,  # noqa: ARG002
    ) -> list[DeadLetter]:
        """List dead letters, the latest first; only those with the `ids`, where given. Feature `dead_letters`."""
        raise self.unsupported(DEAD_LETTERS, "dead()")

    def requeue(self, queue: str, ids: Collection[str] | None = None) -> list[str]:  # noqa: ARG002
        """Move dead letters back to the queue, ready and uncounted; all where `ids` is None. Returns the ids moved.

        One whose id waits or is reserved again by now stays among the dead, where the store is `unique`. Feature
        `dead_letters`.
        """
        raise self.unsupported(DEAD_LETTERS, "requeue()")

    def purge_dead(self, queue: str, ids: Collection[str] | None = None) -> int:  # noqa: ARG002
        """Remove dead letters, all where `ids` is None, and return how many. Feature `dead_letters`."""
        raise self.unsupported(DEAD_LETTERS, "purge_dead()")

    def using(self, connection: object) -> Backend:  # noqa: ARG002
        """Return this backend by way of a connection of the app's own: what is pushed there is part of its transaction.

        It appears with the app's commit, and wakes consumers then; after a rollback it never was. The connection stays
        the app's: it is neither committed nor closed here. Feature `transactions`.
        Raises OptionError for what is no connection to the same kind of database.
        """
        raise self.unsupported(TRANSACTIONS, "using()")

    def unsupported(self, feature: str, wanted: str = "") -> UnsupportedFeature:
        """Return the error that says this backend lacks a feature."""
        return UnsupportedFeature(self.name, feature, wanted, self.reasons.get(feature, ""))
