"""What the tests of this folder share."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from uuid import uuid4

from alligator_beanstalk.backend import BeanstalkBackend

from alligator_core.backend import Ack, Consumer, Delivery, Message
from alligator_core.dsn import Dsn
from alligator_core.plugins import PluginManager

STATS = b"---\nmax-job-size: %d\nversion: 1.12\nbinlog-current-index: 1\n"


@contextmanager
def opened(dsn: str) -> Iterator[BeanstalkBackend]:
    """Build a backend by the way that a Gator takes, and close it."""
    backend = PluginManager().make_backend(Dsn.parse(dsn))
    assert isinstance(backend, BeanstalkBackend)
    yield backend
    backend.close()


def new_queue() -> str:
    """Return the name of a queue that nobody uses."""
    return f"test-{uuid4().hex[:12]}"


def messages(*ids: str) -> list[Message]:
    """Return messages of these ids."""
    return [Message(id, f"body of {id}".encode()) for id in ids]


def numbered(count: int) -> list[Message]:
    """Return so many messages."""
    return messages(*map(str, range(count)))


def take_all(consumer: Consumer, *, wait: float = 0.0) -> list[Delivery]:
    """Reserve and ack until nothing is left; return what came."""
    found: list[Delivery] = []
    while batch := consumer.reserve(500, wait):
        assert consumer.settle([Ack(delivery) for delivery in batch]) == []
        found += batch
    return found


def ids_of(deliveries: list[Delivery]) -> list[str]:
    """Return their ids."""
    return [delivery.id for delivery in deliveries]


class Impostor:
    """Something on a port that answers `stats` as beanstalkd does, and then says the given bytes to each command.

    After that it closes the connection, or stays silent.
    """

    def __init__(self, *answers: bytes, closes: bool = True, max_job: int = 65535) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answers = answers
        self._closes = closes
        self._stats = STATS % max_job
        self.dsn = f"beanstalk://127.0.0.1:{self._listener.getsockname()[1]}/?timeout=1"
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """End it."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            client.recv(1 << 16)
            client.sendall(b"OK %d\r\n%b\r\n" % (len(self._stats), self._stats))
            for answer in self._answers:
                if not client.recv(1 << 16):
                    return
                client.sendall(answer)
            while not self._closes and client.recv(1 << 16):
                pass
