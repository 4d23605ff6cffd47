"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from alligator_redis.backend import RedisBackend
from alligator_redis.scripts import scripts

from alligator_core.dsn import Dsn
from alligator_core.plugins import PluginManager
from tests.messages import ids_of as ids_of
from tests.messages import messages as messages
from tests.messages import new_queue as new_queue
from tests.messages import numbered as numbered
from tests.messages import take_all as take_all


def open_backend(dsn: str) -> RedisBackend:
    """Build a backend by the way that a Gator takes."""
    backend = PluginManager().make_backend(Dsn.parse(dsn))
    assert isinstance(backend, RedisBackend)
    return backend


@contextmanager
def opened(dsn: str) -> Iterator[RedisBackend]:
    """Build a backend, and close it."""
    backend = open_backend(dsn)
    yield backend
    backend.close()


def sha_of(script: str) -> bytes:
    """Return the digest under which a script of version 7 is called: how to tell a request by its bytes."""
    return scripts(have_flags=True)[script].sha.encode()


class Background(Thread):
    """A call on a thread; `result` waits for it and returns or raises what it did."""

    def __init__(self, call: Any, *args: Any) -> None:
        super().__init__(daemon=True)
        self._call, self._args = call, args
        self._value: Any = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Make the call."""
        try:
            self._value = self._call(*self._args)
        except BaseException as exc:  # noqa: BLE001  (whoever asks for the result gets it)
            self._error = exc

    def result(self, patience: float = 30.0) -> Any:
        """Return what the call did."""
        self.join(patience)
        assert not self.is_alive(), "it hangs"
        if self._error is not None:
            raise self._error
        return self._value
