"""What the tests of this folder share."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from alligator_beanstalk.backend import BeanstalkBackend

from alligator_core.dsn import Dsn
from alligator_core.plugins import PluginManager
from tests.messages import ids_of as ids_of
from tests.messages import messages as messages
from tests.messages import new_queue as new_queue
from tests.messages import numbered as numbered
from tests.messages import take_all as take_all

STATS = b"---\nmax-job-size: %d\nversion: 1.12\nbinlog-current-index: 1\n"


@contextmanager
def opened(dsn: str) -> Iterator[BeanstalkBackend]:
    """Build a backend by the way that a Gator takes, and close it."""
    backend = PluginManager().make_backend(Dsn.parse(dsn))
    assert isinstance(backend, BeanstalkBackend)
    yield backend
    backend.close()


class Impostor:
    """Something on a port that answers `stats` as beanstalkd does, and then says the given bytes to each command.

    After that it closes the connection, or stays silent.
    """

    def __init__(self, *answers: bytes, closes: bool = True, max_job: int = 65535) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answers = answers
        self._closes = closes
        self._stats = STATS % max_job
        self.dsn = f"beanstalk://127.0.0.1:{self._listener.getsockname()[1]}/?timeout=30"
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
