"""Queues that are folders: `dirqueue:///var/spool/tasks`. A backend for Alligator, small enough to learn from.

    <path>/<queue>/ready/<place>.<deliveries>.<id>            waits
    <path>/<queue>/held/<consumer>.<lease>/<the same name>    is reserved
    <path>/<queue>/buried/<id>                                failed for good, with its reason in <id>.reason

Each step is one rename, so that a process killed at any moment leaves each message in exactly one place. A lock on
the queue's folder keeps two steps apart. A consumer's folder is its lease: its time of change is the last sign of
life, and whoever finds it expired moves what is in it back. That is the fence, too: a consumer that was declared dead
no longer finds its messages where it put them.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote
from uuid import uuid4

from alligator_core import hookimpl
from alligator_core.backend import (
    DELAY,
    DURABLE,
    FROZEN,
    PRIORITY,
    SHARED,
    UNIQUE,
    Ack,
    Backend,
    Bury,
    Consumer,
    Delivery,
    Message,
    QueueSize,
    Release,
    Settlement,
)
from alligator_core.constants import DEFAULT_PRIORITY
from alligator_core.dsn import Dsn
from alligator_core.errors import BackendUnavailable, DsnError, OptionError, PushError

POLL = 0.05
"""Seconds between two looks at a queue that is empty: a folder can't wake anybody."""

LONGEST_NAME = 200
"""Bytes that a quoted id or queue may have; file systems end at 255."""


@hookimpl
def make_backend(dsn: Dsn) -> DirBackend:
    dsn.read_options()
    if dsn.hosts or dsn.username is not None or not dsn.path.strip("/"):
        raise DsnError(f"{str(dsn)!r} names no folder: write dirqueue:///path/of/it.")
    return DirBackend(Path(dsn.path))


class Name(NamedTuple):
    """What a message's file is called."""

    place: int
    deliveries: int
    id: str

    @classmethod
    def parse(cls, text: str) -> Name:
        place, deliveries, id = text.split(".", 2)
        return cls(int(place), int(deliveries), unquote(id))

    @property
    def order(self) -> tuple[bool, int]:
        """Redelivered ones first, then by their place."""
        return self.deliveries == 1, self.place

    def __str__(self) -> str:
        return f"{self.place:020}.{self.deliveries}.{quoted(self.id)}"


class Queue:
    """The folder of one queue. Use it within `locked`."""

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        # The prefix keeps . and .. from being what they are.
        self.path = root / f"q-{quoted(name)}"
        if len(self.path.name) > LONGEST_NAME:
            raise OptionError(f"The queue name {name!r} is too long for dirqueue://.", "queue")
        self.ready = self.path / "ready"
        self.held = self.path / "held"
        self.buried = self.path / "buried"

    @contextmanager
    def locked(self) -> Iterator[None]:
        try:
            for folder in (self.ready, self.held, self.buried):
                folder.mkdir(parents=True, exist_ok=True)
            # Opened anew each time: a lock belongs to what was opened, so this excludes threads as well.
            with open(self.path / "lock", "wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                try:
                    yield
                finally:
                    # By name, since a child forked meanwhile has the file open, too.
                    fcntl.flock(lock, fcntl.LOCK_UN)
        except OSError as exc:
            raise BackendUnavailable(f"dirqueue can't use {str(self.path)!r}: {exc.strerror}.") from exc

    def waiting(self) -> list[Name]:
        return sorted((Name.parse(file) for file in os.listdir(self.ready)), key=lambda name: name.order)

    def queued(self) -> list[Name]:
        held = [Name.parse(file) for consumer in self.held.iterdir() for file in os.listdir(consumer)]
        return self.waiting() + held

    def add(self, id: str, body: bytes, place: int) -> None:
        # Written aside first: a half-written message must never be seen.
        draft = self.path / f"draft-{uuid4().hex}"
        draft.write_bytes(body)
        draft.rename(self.ready / str(Name(place, 1, id)))

    def next_place(self) -> int:
        return 1 + max((name.place for name in self.queued()), default=0)

    def bury(self, file: Path, settlement: Bury) -> None:
        grave = self.buried / f"m-{quoted(settlement.delivery.id)}"
        grave.with_name(f"{grave.name}.reason").write_text(settlement.reason, encoding="utf-8")
        if settlement.body is not None:
            file.write_bytes(settlement.body)
        file.rename(grave)

    def give_back(self, consumer: Path, *, deaths: int = 0) -> None:
        for file in consumer.iterdir():
            name = Name.parse(file.name)
            file.rename(self.ready / str(name._replace(deliveries=name.deliveries + deaths)))
        consumer.rmdir()

    def reap(self) -> None:
        for consumer in list(self.held.iterdir()):
            lease = float(consumer.name.partition(".")[2])
            if consumer.stat().st_mtime + lease < time.time():
                self.give_back(consumer, deaths=1)


class DirBackend(Backend):
    """Folders below one path, on one machine."""

    name = "dirqueue"
    features = frozenset({SHARED, DURABLE, UNIQUE, FROZEN})

    def __init__(self, root: Path) -> None:
        self._root = root

    def push(self, queue: str, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.delay:
                raise self.unsupported(DELAY, "a delay")
            if message.priority != DEFAULT_PRIORITY:
                raise self.unsupported(PRIORITY, "a priority")
        long = {message.id: "its id is too long" for message in messages if len(quoted(message.id)) > LONGEST_NAME}
        if long:
            raise PushError(long)
        found = Queue(self._root, queue)
        with found.locked():
            queued, place = {name.id for name in found.queued()}, found.next_place()
            for message in messages:
                if message.id not in queued:
                    found.add(message.id, message.body, place)
                    queued.add(message.id)
                    place += 1

    def size(self, queue: str) -> QueueSize:
        found = Queue(self._root, queue)
        with found.locked():
            ready = len(found.waiting())
            return QueueSize(ready, 0, len(found.queued()) - ready, 0, exact=False)

    def consumer(self, queues: Sequence[str], lease: float, holder: str = "") -> DirConsumer:  # noqa: ARG002
        return DirConsumer([Queue(self._root, queue) for queue in queues], lease)

    def close(self) -> None:
        """Nothing stays open between two calls."""


class DirConsumer(Consumer):
    """A folder in each of some queues."""

    def __init__(self, queues: Sequence[Queue], lease: float) -> None:
        self._queues = {queue.name: queue for queue in queues}
        self._lease = lease
        self._folders: dict[str, Path] = {}
        self._deliveries: dict[Path, Delivery] = {}
        self._closed = False

    def reserve(self, limit: int, wait: float) -> list[Delivery]:
        deadline = time.monotonic() + wait
        while not self._closed:
            for queue in self._queues.values():
                with queue.locked():
                    queue.reap()
                    found = [] if self._closed else self._take(queue, limit)
                if found:
                    return found
            if time.monotonic() >= deadline:
                break
            time.sleep(min(POLL, max(0.0, deadline - time.monotonic())))
        return []

    def settle(self, settlements: Sequence[Settlement]) -> list[Delivery]:
        stale = []
        for settlement in settlements:
            queue, file = self._queues[settlement.delivery.queue], Path(str(settlement.delivery.token))
            with queue.locked():
                if file.parent == self._folders.get(queue.name) and file.exists():
                    self._settle(queue, file, settlement)
                else:
                    stale.append(settlement.delivery)
                self._deliveries.pop(file, None)
        return stale

    def keep_alive(self) -> list[Delivery]:
        lost: list[Delivery] = []
        for queue in self._queues.values():
            with queue.locked():
                if self._is_alive(queue):
                    os.utime(self._folders[queue.name])
                queue.reap()
                gone = [file for file in list(self._deliveries) if queue.held in file.parents and not file.exists()]
                lost += [self._deliveries.pop(file) for file in gone]
        return lost

    def close(self) -> None:
        self._closed = True
        for queue in self._queues.values():
            with queue.locked():
                if self._is_alive(queue):
                    queue.give_back(self._folders[queue.name])
        self._deliveries.clear()

    def _is_alive(self, queue: Queue) -> bool:
        folder = self._folders.get(queue.name)
        return folder is not None and folder.exists()

    def _folder(self, queue: Queue) -> Path:
        """Return this consumer's folder; one of a new name if it was declared dead under the old one."""
        if not self._is_alive(queue):
            self._folders[queue.name] = queue.held / f"{uuid4().hex}.{self._lease}"
            self._folders[queue.name].mkdir()
        folder = self._folders[queue.name]
        os.utime(folder)
        return folder

    def _take(self, queue: Queue, limit: int) -> list[Delivery]:
        names = queue.waiting()[:limit]
        if names and names[0].deliveries > 1:
            names = names[:1]
        return [self._hold(queue, name) for name in names]

    def _hold(self, queue: Queue, name: Name) -> Delivery:
        file = (queue.ready / str(name)).rename(self._folder(queue) / str(name))
        delivery = Delivery(queue.name, name.id, file.read_bytes(), name.deliveries, token=str(file))
        self._deliveries[file] = delivery
        return delivery

    def _settle(self, queue: Queue, file: Path, settlement: Settlement) -> None:
        os.utime(file.parent)
        if isinstance(settlement, Ack):
            file.unlink()
        elif isinstance(settlement, Release):
            file.rename(queue.ready / file.name)
        elif isinstance(settlement, Bury):
            queue.bury(file, settlement)
        else:
            # In this order: killed in between, the task runs twice rather than never.
            queue.add(settlement.message.id, settlement.message.body, queue.next_place())
            file.unlink()


def quoted(text: str) -> str:
    """Return a text as part of a file's name."""
    return quote(text, safe="")
